"""What lies behind an error as HTTP libraries wrap it."""

from collections.abc import Iterator


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error itself, then what each one holds in its `reason`, as an argument, or as its cause."""
    while error is not None:
        yield error
        inner = [getattr(error, "reason", None), *error.args, error.__cause__]
        error = next((each for each in inner if isinstance(each, BaseException)), None)

"""HubSpot's lists: one page after the other, and where the next one begins."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.base import Meter
from connectors.errors import UnexpectedResponseError
from connectors.hubspot.client import Client, Json


def pages(
    client: Client, path: str, query: Sequence[tuple[str, Any]], meter: Meter, *, after: str | None = None
) -> Iterator[tuple[list[Json], str | None]]:
    """A list page by page, from `after` on, each with where the next one begins (None: that was the last)."""
    while True:
        answer = client.get(path, [*query, ("after", after)] if after else query, meter)
        found, after = results(answer, path), following(answer, path)
        yield found, after
        if after is None:
            return


def results(answer: Mapping[str, Any], path: str) -> list[Json]:
    """The results of an answer. Raises UnexpectedResponseError where there is no list of them."""
    found = answer.get("results")
    if not isinstance(found, list):
        raise UnexpectedResponseError(
            f"HubSpot answered {path} without results: {', '.join(sorted(answer)) or 'an empty object'}",
            hint="this is no end of data: nothing was skipped. Report it if it stays so",
        )
    return found


def following(answer: Mapping[str, Any], path: str) -> str | None:
    """Where the next page begins; None only where HubSpot says that there is none."""
    paging = answer.get("paging")
    if paging is None:
        return None
    after = (paging.get("next") or {}).get("after") if isinstance(paging, dict) else None
    if paging and after is None and paging.get("next"):
        raise UnexpectedResponseError(f"HubSpot answered {path} with a next page but no place for it")
    return None if after is None else str(after)

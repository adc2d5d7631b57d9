"""How a run ended: what people, exit codes and the schedule read from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from connectors.errors import (
    ActionNeededError,
    BadCredentialsError,
    ConnectorError,
    MissingScopeError,
    QuotaSpentError,
    ShrunkError,
    TryLaterError,
)
from store.differences import Compared
from store.drift import Change
from store.errors import StoreError
from store.runs import Trouble
from store.writes import Counts

OK, PARTIAL, FAILED, STOPPED, SKIPPED = "ok", "partial", "failed", "stopped", "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOutcome:
    """What a run did with one stream."""

    stream: str
    outcome: str = OK
    counts: Counts = field(default_factory=Counts)
    requests: int = 0
    retries: Mapping[str, int] = field(default_factory=dict)
    error: BaseException | None = None
    optional: bool = False

    @property
    def is_left_out(self) -> bool:
        """Whether the CRM doesn't let us read it, and never did, and need not."""
        return self.optional and isinstance(self.error, MissingScopeError)

    @property
    def trouble(self) -> Trouble | None:
        """The error in words."""
        return trouble(self.error) if self.error is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """How one run of one connection ended. `error` is the one that decided it, if any.

    `changes` are those of the CRM's own schema; `compared` is None where the run did not compare.
    """

    connection: str
    run_id: int
    outcome: str
    streams: Sequence[StreamOutcome] = ()
    requests: int = 0
    notes: Sequence[str] = ()
    error: BaseException | None = None
    changes: Sequence[Change] = ()
    compared: Sequence[Compared] | None = None

    @property
    def differences(self) -> Sequence[Compared]:
        """Where our numbers and the CRM's differ, and nothing explains it."""
        return [each for each in self.compared or () if each.is_real]

    @property
    def counts(self) -> Counts:
        """What all streams did to the store."""
        return sum((stream.counts for stream in self.streams), Counts())

    @property
    def postponed(self) -> timedelta | None:
        """How long the CRM asked us to stay away."""
        if isinstance(self.error, TryLaterError):
            return self.error.after or (timedelta(hours=1) if isinstance(self.error, QuotaSpentError) else None)
        return None


def trouble(error: BaseException) -> Trouble:
    """An error in words: kind, message, what to do now."""
    hint = error.hint if isinstance(error, ConnectorError | StoreError) else ""
    return Trouble(kind=type(error).__name__, message=str(error) or type(error).__name__, hint=hint)


def verdict(
    streams: Sequence[StreamOutcome], *, stopped: bool, differs: bool = False
) -> tuple[str, BaseException | None]:
    """The outcome of a run, and the error that decided it: the gravest first. A run that `differs` is never ok."""
    streams = [stream for stream in streams if not stream.is_left_out]
    errors = [stream.error for stream in streams if stream.error is not None]
    gravest = min(errors, key=_gravity, default=None)
    if stopped:
        return STOPPED, gravest
    if gravest is not None and (
        ends_run(gravest) or all(s.outcome == FAILED for s in streams if s.stream != "account")
    ):
        return FAILED, gravest
    if errors or differs or any(stream.counts.rejected for stream in streams):
        return PARTIAL, gravest
    return OK, None


def ends_run(error: BaseException) -> bool:
    """Whether an error of one stream ends the whole run: the others would only meet it too."""
    return isinstance(error, BadCredentialsError | QuotaSpentError | StoreError) or not isinstance(
        error, ConnectorError
    )


def stream_outcome(error: BaseException) -> str:
    """A stream that the token doesn't reach is skipped; any other error fails it."""
    return SKIPPED if isinstance(error, MissingScopeError) else FAILED


A_FEW, MANY = 10, 0.2
"""So many records may always go, and this share of a table."""


def emptied(stream: str, live: int) -> ShrunkError | None:
    """What is wrong with a whole read that brought nothing, where we have `live` rows."""
    if live <= A_FEW:
        return None
    return ShrunkError(
        f"{stream}: the CRM shows none of the {live:,} records that it had; nothing was deleted",
        hint="check in the CRM that they are really gone and that the credentials still see them; if so, run "
        "`dealmeter sync CONNECTION --allow-shrink`",
    )


def shrunk(stream: str, deleted: int, live: int) -> ShrunkError | None:
    """What is remarkable about a read after which `live` rows are left, where the CRM itself told the deletions."""
    before = live + deleted
    if deleted <= max(before * MANY, A_FEW):
        return None
    return ShrunkError(
        f"{stream}: {deleted:,} of {before:,} records were deleted in the CRM, and are marked deleted here",
        hint="if that was meant there is nothing to do; else restore them in the CRM: the next run brings them back",
    )


GRAVITY = (BadCredentialsError, StoreError, QuotaSpentError, TryLaterError, ActionNeededError, ConnectorError)


def _gravity(error: BaseException) -> int:
    if not isinstance(error, ConnectorError | StoreError):
        return -1
    if isinstance(error, MissingScopeError):
        return len(GRAVITY)
    return next(i for i, kind in enumerate(GRAVITY) if isinstance(error, kind))

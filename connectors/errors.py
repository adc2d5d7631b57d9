"""What can go wrong between us and a CRM, named by what to do next. Vendor errors become one of these at the edge."""

from datetime import timedelta


class ConnectorError(Exception):
    """Root of all: `str(error)` says what happened and to what, `hint` what to do now."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ActionNeededError(ConnectorError):
    """Retrying can't help: a person has to change something."""


class BadCredentialsError(ActionNeededError):
    """The CRM refuses the credentials: the connection pauses until they change."""


class UntrustedError(ActionNeededError):
    """Nobody whom we trust vouches for whoever answers: nothing was said to them."""


class ProxyRefusedError(ActionNeededError):
    """The proxy on the way doesn't let us through, or can't be used."""


class MissingScopeError(ActionNeededError):
    """The credentials don't reach one kind of record: its stream is left out, the others go on."""

    def __init__(self, message: str, *, scopes: tuple[str, ...], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.scopes = scopes


class ShrunkError(ActionNeededError):
    """A reconciliation would delete more than it may: the stream stops, nothing is deleted."""


class TryLaterError(ConnectorError):
    """Waiting helps. `after` is what the CRM asked for, `reason` a word for the books: 429, 5xx, timeout ..."""

    def __init__(self, message: str, *, reason: str, after: timedelta | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.after = after


class RateLimitedError(TryLaterError):
    """Too many requests in a short time."""


class UnreachableError(TryLaterError):
    """No answer, half an answer, or an answer of a broken server."""


class QuotaSpentError(TryLaterError):
    """The day's share of requests is spent: not in this run again."""


class CursorExpiredError(ConnectorError):
    """The CRM no longer accepts the checkpoint: it is dropped, and the stream read in full."""


class UnexpectedResponseError(ConnectorError):
    """The CRM said something that we don't understand: the stream stops loudly, with an excerpt without secrets."""


class StoppedError(Exception):
    """Somebody asked us to stop while we waited. No error: the run ends cleanly at its last page."""

"""Who may call: bearer tokens with their scopes, and tokens that have expired."""

from datetime import timedelta

from dealmeter.sandbox.clock import Clock, milliseconds
from dealmeter.sandbox.hubspot.call import Scopes
from dealmeter.sandbox.hubspot.errors import expired_token, unknown_token
from dealmeter.sandbox.hubspot.property import iso

DEFAULT = "sandbox-token"
EXPIRED_SINCE = timedelta(minutes=5)


class Tokens:
    """A token's scopes, or the refusal that HubSpot would give."""

    def __init__(self, clock: Clock, scopes: Scopes = None) -> None:
        self._clock = clock
        self._scopes: dict[str, Scopes] = {DEFAULT: scopes}
        self._expired: set[str] = set()

    def grant(self, scopes: Scopes, token: str = DEFAULT) -> None:
        """Make a token valid with these scopes; None means all of them."""
        self._scopes[token] = scopes
        self._expired.discard(token)

    def expire(self, token: str = DEFAULT) -> None:
        self._expired.add(token)

    def revoke(self, token: str = DEFAULT) -> None:
        self._scopes.pop(token, None)

    def check(self, authorization: str) -> tuple[str, Scopes]:
        """The token of an Authorization header, with what it may do."""
        token = authorization.removeprefix("Bearer ").strip() if authorization.startswith("Bearer ") else ""
        if token in self._expired:
            raise expired_token(
                int(EXPIRED_SINCE.total_seconds()), iso(milliseconds(self._clock.now() - EXPIRED_SINCE))
            )
        if token not in self._scopes:
            raise unknown_token()
        return token, self._scopes[token]

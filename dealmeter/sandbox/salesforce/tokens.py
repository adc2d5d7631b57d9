"""Sessions: access tokens of users, which expire when idle, when an administrator says so, or at a logout."""

import threading
from dataclasses import dataclass

from dealmeter.sandbox.clock import Clock
from dealmeter.sandbox.salesforce.errors import RefusedError, invalid_session

READY = "sandbox-token"
"""A session that is there from the beginning, for those who bring a ready one."""
IDLE_SECONDS = 7_200


@dataclass(slots=True)
class Session:
    """Somebody logged in. `used` is the last moment of use (ms)."""

    token: str
    user: str
    used: int
    scope: str = "api id"


class Sessions:
    """Open sessions by token. With `shared`, logins of one user get the same token, as they may in real orgs."""

    def __init__(self, clock: Clock, org: str) -> None:
        self.idle_seconds = IDLE_SECONDS
        self.shared = False
        self.refusal: str | None = None
        """Text of a 401 that is no expiry: a policy, which no login can heal."""
        self._clock, self._org = clock, org
        self._sessions: dict[str, Session] = {}
        self._count = 0
        self._lock = threading.Lock()

    def open(self, user: str, token: str | None = None) -> Session:
        """A new session, or the user's running one where they are shared."""
        with self._lock:
            if self.shared and token is None:
                for session in self._sessions.values():
                    if session.user == user and self._alive(session):
                        return session
            self._count += 1
            made = Session(token or f"{self._org[:15]}!sandbox.{self._count:06d}", user, self._clock.ms())
            self._sessions[made.token] = made
            return made

    def check(self, authorization: str) -> Session:
        """The session of an Authorization header. RefusedError 401."""
        kind, _, token = authorization.partition(" ")
        if self.refusal is not None:
            raise RefusedError(401, "INVALID_SESSION_ID", self.refusal)
        session = self.find(token.strip()) if kind in ("Bearer", "OAuth") else None
        if session is None:
            raise invalid_session()
        session.used = self._clock.ms()
        return session

    def find(self, token: str) -> Session | None:
        with self._lock:
            session = self._sessions.get(token)
            return session if session is not None and self._alive(session) else None

    def expire(self, user: str | None = None) -> int:
        """End the sessions of one user or of all; says how many."""
        with self._lock:
            gone = [token for token, session in self._sessions.items() if user in (None, session.user)]
            for token in gone:
                del self._sessions[token]
            return len(gone)

    def revoke(self, token: str) -> bool:
        with self._lock:
            return self._sessions.pop(token, None) is not None

    def _alive(self, session: Session) -> bool:
        return session.token == READY or self._clock.ms() - session.used <= self.idle_seconds * 1000

"""The file of a refresh token that is good for one use: the next one is on disk before anything else happens."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from connectors.errors import ActionNeededError, BadCredentialsError, UnreachableError

PATIENCE_S = 120.0
LOOK_S = 0.2

Found = TypeVar("Found")


class TokenFile:
    """A file with a refresh token and nothing else, mode 0600. One process at a time exchanges it."""

    def __init__(self, path: str, *, sleep: Callable[[float], None]) -> None:
        self._path = Path(path).expanduser()
        self._sleep = sleep

    def exchange(self, use: Callable[[str], tuple[Found, str | None]]) -> Found:
        """What `use` makes of the token; the next token that it answers (None: the old one stays) is kept first.

        Raises BadCredentialsError where there is no token, ActionNeededError where the next one couldn't be kept: this
        is found out before the old one is used up.
        """
        with self._alone(), self._place_for_next() as place:
            found, following = use(self._read())
            if following:
                self._keep(following, place)
            return found

    def _read(self) -> str:
        try:
            token = self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise BadCredentialsError(
                f"the refresh token can't be read from {self._path}: {why}",
                hint="authorise the app and put its refresh token into this file, with mode 0600",
            ) from error
        if not token:
            raise BadCredentialsError(
                f"{self._path} is empty", hint="authorise the app and put its refresh token into this file"
            )
        return token

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold a lock that other processes respect. The token is read after this, so a new one is met."""
        lock = self._path.with_name(f"{self._path.name}.lock")
        try:
            held = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            waited = 0.0
            while True:
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if waited >= PATIENCE_S:
                        raise UnreachableError(
                            f"another process has been signing in with {self._path} for {waited:.0f} s",
                            reason="token_lock",
                            hint="give each connection a refresh token of its own",
                        ) from None
                    self._sleep(LOOK_S)
                    waited += LOOK_S
            yield
        finally:
            os.close(held)

    @contextmanager
    def _place_for_next(self) -> Iterator[int]:
        """An empty file beside the token's, made before the old token is used up."""
        self._next.unlink(missing_ok=True)
        try:
            place = os.open(self._next, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            yield place
        finally:
            os.close(place)
            self._next.unlink(missing_ok=True)

    @property
    def _next(self) -> Path:
        return self._path.with_name(f"{self._path.name}.next")

    def _keep(self, token: str, place: int) -> None:
        os.write(place, f"{token}\n".encode())
        os.fsync(place)
        os.replace(self._next, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _unwritable(self, error: OSError) -> ActionNeededError:
        return ActionNeededError(
            f"nothing can be written beside {self._path}: {error.strerror}; the token was not used",
            hint="Salesforce gives a new refresh token at each sign-in: keep the file in a folder that dealmeter may "
            "write to, not in a read-only secret",
        )

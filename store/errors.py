"""What can go wrong between us and the database, named by what to do next."""


class StoreError(Exception):
    """Root of the store's errors: `str(error)` says what happened, `hint` what to do now."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class DatabaseUnavailableError(StoreError):
    """The database can't be opened, reached or written."""


class SchemaMismatchError(StoreError):
    """The database is older or newer than this program."""


class BackupError(StoreError):
    """A copy could not be made or put back."""


class LeaseLostError(StoreError):
    """Somebody else holds the connection now; nothing more may be written for it."""


class LeaseHeldError(StoreError):
    """Another run holds the connection."""


class ForeignAccountError(StoreError):
    """The connection's rows belong to another CRM account than the one that answers now."""

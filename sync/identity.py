"""Identity: a connection keeps the rows of one account, and of no other."""

from store.database import Database
from store.errors import ForeignAccountError
from store.reads import account_of
from store.records import Account


def insist_own(database: Database, connection: str, account: Account) -> None:
    """Raises ForeignAccountError where the connection has the rows of another account than the one that answers."""
    with database.read() as tx:
        known = account_of(tx, connection)
    if known is not None and known != account.id:
        raise ForeignAccountError(
            f"{connection} held the rows of account {known}, and now account {account.id} answers; nothing was written",
            hint="give the new account a connection of its own (another name), or use another database",
        )

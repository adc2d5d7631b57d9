"""Twin: a sandbox account of some kind of CRM, and what may happen in it, in no vendor's words."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Protocol

from store.records import Record
from sync.clock import Clock

CAPABILITIES: Mapping[str, str] = {
    "restore": "a deleted record comes back under its id",
    "merge": "two records become one",
    "rate_limit": "the CRM refuses requests that come too fast",
    "expired_token": "the credentials cease to be valid",
    "missing_scope": "the credentials don't reach one kind of record",
    "change_type": "an administrator changes the type of a field",
    "search_window": "a read of changes shows only so many records of one instant",
}
"""What a kind of CRM may be unable to do: each is declared with its reason, never skipped in silence."""

Values = Mapping[str, str]


class Twin(Protocol):
    """One account, empty of deals and products at first. Fields have our names: `name`, `amount`, `sku`.

    `crm` is the connector's name in the registry; `cannot` says why a capability is missing. `window` is how many
    records of one instant a single read of changes can show (a page, where there is no such limit); `merges` is a kind
    of record that it can merge.
    """

    crm: ClassVar[str]
    cannot: ClassVar[Mapping[str, str]]
    window: ClassVar[int]
    merges: ClassVar[type[Record]]

    def __init__(self, folder: Path) -> None: ...

    def start(self) -> None:
        """Before the first call; the folder and the port are the twin's own affair."""
        ...

    def stop(self) -> None:
        """After the last call."""
        ...

    def connection(self) -> Mapping[str, Any]:
        """The settings of a connection to this account, as they would stand in the configuration."""
        ...

    def clock(self) -> Clock:
        """The account's time; waiting moves it and takes none."""
        ...

    def later(self, by: timedelta) -> None:
        """Let time pass."""
        ...

    def create(self, entity: type[Record], values: Values, count: int = 1) -> Sequence[str]:
        """New records, all at this instant; their ids as the store will have them."""
        ...

    def update(self, entity: type[Record], ids: Sequence[str], values: Values) -> None:
        """Change records, all at this instant."""
        ...

    def delete(self, entity: type[Record], ids: Sequence[str]) -> None:
        """Delete records."""
        ...

    def restore(self, entity: type[Record], id_: str) -> None:
        """Bring a deleted record back."""
        ...

    def merge(self, entity: type[Record], first: str, second: str) -> str:
        """Make one of two; answers the survivor's id."""
        ...

    def truth(self, entity: type[Record]) -> Mapping[str, str]:
        """The living ids with their names."""
        ...

    def limit(self, times: int) -> None:
        """Refuse the next requests as too fast."""
        ...

    def expire(self) -> None:
        """The credentials are refused from now on."""
        ...

    def renew(self) -> None:
        """The same credentials, valid again and for everything."""
        ...

    def withhold(self, entity: type[Record]) -> None:
        """The credentials no longer reach this kind of record."""
        ...

    def change_type(self, entity: type[Record], field: str) -> None:
        """The field is text from now on."""
        ...

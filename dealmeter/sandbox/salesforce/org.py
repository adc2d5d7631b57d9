"""A world as one Salesforce org keeps it: its features, its rows, and the world's words in Salesforce's."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from dealmeter.sandbox.account import Owner
from dealmeter.sandbox.record import Kind, Record, Value
from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.source import History, Mirror, Past
from dealmeter.sandbox.salesforce.texts import local_day
from dealmeter.sandbox.world import World

INTEGRATION_USER = 1
"""Owns what nobody owns: in Salesforce every record has an owner."""
QUEUE, QUEUE_NAME = 1, "Unassigned"
"""Where leads and cases wait that nobody owns yet."""
ARCHIVED_AFTER = 365 * 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What the edition and the administrator switched on. `tracking` is field history."""

    multi_currency: bool = True
    dated_rates: bool = True
    person_accounts: bool = False
    orders: bool = True
    forecasting: bool = True
    splits: bool = True
    email_messages: bool = True
    tracking: bool = True


class Org:
    """Mirrors of the world's records, each made once, that follow its changes `commit_delay_ms` later."""

    def __init__(self, world: World, features: Features | None = None) -> None:
        self.world = world
        self.zone = world.account.zone
        self.features = features or Features()
        self.commit_delay_ms = 0
        self.archived_before = world.clock.ms() - ARCHIVED_AFTER
        """Closed activities from before this instant (ms) are archived: for queryAll only."""
        self._mirrors: dict[str, Mirror] = {}
        self._histories: dict[str, History] = {}
        self._listening: dict[Kind, list[Mirror]] = defaultdict(list)
        with world.lock:
            world.watch(self._hear)

    def close(self) -> None:
        self.world.unwatch(self._hear)

    # Rows

    def mirror(
        self,
        *kinds: Kind,
        name: str = "",
        hide: Callable[[Record], bool] = lambda record: record.archived is not None,
        takes: Callable[[Record], bool] = lambda record: True,
    ) -> Mirror:
        """The one mirror of this name (else of these kinds). `takes` chooses, `hide` keeps for queryAll only."""
        name = name or "+".join(kinds)
        found = self._mirrors.get(name)
        if found is None:
            found = self._mirrors[name] = Mirror(self.world, kinds, hide=hide, takes=takes)
            for kind in kinds:
                self._listening[kind].append(found)
        return found

    def history(self, name: str, mirror: Mirror, past: Past) -> History:
        """The one history of this name."""
        if name not in self._histories:
            self._histories[name] = History(self.world, mirror, past)
        return self._histories[name]

    def _hear(self, at: int, kind: Kind, number: int, record: Record | None) -> None:
        for mirror in self._listening[kind]:
            mirror.hear(at, kind, number, record, self.commit_delay_ms)

    def oldest_open(self) -> int | None:
        """When the oldest transaction began that is not committed yet (ms)."""
        for mirror in self._mirrors.values():
            mirror.refresh()
        return min((at for mirror in self._mirrors.values() for at in mirror.open_since), default=None)

    # Translation

    @property
    def id(self) -> str:
        return ids.text("00D", self.world.account.id)

    @property
    def born(self) -> int:
        """When the settings were made (ms): before anybody worked here."""
        return min((owner.created for owner in self.world.owners.values()), default=0)

    def user(self, owner: Value) -> str:
        """The user behind an owner of the world; the integration user where there is none."""
        return _user_id(int(owner) if owner else INTEGRATION_USER)

    def owner(self, record: Record) -> str:
        return self.user(record.fields.get("owner"))

    def holder(self, owner: Value) -> str:
        """Of a lead or a case: the user, or the queue in which it waits for one."""
        return self.user(owner) if owner else ids.text("00G", QUEUE)

    def day(self, ms: Value) -> str | None:
        """The local day of an instant."""
        return local_day(ms, self.zone) if isinstance(ms, int) else None

    def linked(self, kind: Kind, number: int, to: Kind) -> int | None:
        """The primary record on the other end, else the first."""
        chosen = self.world.links.primary(kind, number, to)
        if chosen is not None:
            return chosen
        others = self.world.links.of(kind, number, to)
        return others[0] if others else None

    def corporate(self, amount: Decimal, currency: Value) -> Decimal:
        """An amount in the corporate currency: what an org without multi-currency holds."""
        return amount * self.world.account.rates.get(str(currency), Decimal(1)) if currency else amount

    def currency(self, record: Record) -> str:
        return str(record.fields.get("currency") or self.world.account.currency)

    def owners(self) -> Iterable[Owner]:
        return self.world.owners.values()


@lru_cache(maxsize=65_536)
def _user_id(number: int) -> str:
    return ids.text("005", number)

"""A drama: a CRM that lives, a network that fails, and a reader of it that crashes; in the end all must be well."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from dealmeter.sandbox.hubspot import trouble
from dealmeter.sandbox.record import Kind
from store.errors import LeaseHeldError
from tests.rig import DAY, Rig

KINDS = {"deals": Kind.DEAL, "contacts": Kind.CONTACT, "companies": Kind.COMPANY, "calls": Kind.CALL}
CRASHED_FOR = timedelta(minutes=3)
FAULTS = (0.0, 0.05, 0.2, 0.4)
WEATHERS = 4
SKEWS = tuple(timedelta(seconds=seconds) for seconds in (0, 0, 2, -2, 240, -240))
"""How far HubSpot's Date header is off the stamps of its records."""
AHEAD = tuple(timedelta(minutes=minutes) for minutes in (0, 0, 3, -3, 500, -500))
"""How far our clock is ahead of HubSpot's; it does not jump within a story, as leases live by it."""
LATE = timedelta(minutes=70)
"""Beyond the second read of changes, which is an hour behind."""
LAGS = (timedelta(0), timedelta(seconds=30), timedelta(minutes=5), timedelta(minutes=50))


class CrashError(BaseException):
    """Ends a run as a killed process does: nobody catches it, nothing is given back."""


@dataclass
class Drama:
    """One account, one store, and everything that can happen to them. Every step is repeatable by its seed."""

    it: Rig
    happened: Counter[str] = field(default_factory=Counter)

    # What the CRM's users do

    def edit(self, rng: Random) -> None:
        """One thing that a person or an integration does to a record."""
        name = rng.choice(list(KINDS))
        how = rng.choice(
            (self._change, self._change, self._bulk, self._archive, self._restore, self._purge, self._merge)
        )
        how(name, rng)

    def _live(self, name: str) -> list[int]:
        return sorted(record.id for record in self.it.sandbox.world.tables[KINDS[name]].live)

    def _change(self, name: str, rng: Random) -> None:
        if ids := self._live(name):
            self.happened["changed"] += 1
            values = {"amount": f"{rng.randrange(1, 9_999_999) / 100:.2f}"} if name == "deals" else {}
            self.it.edits.update(name, rng.choice(ids), values or {"hs_note": str(rng.random())})

    def _bulk(self, name: str, rng: Random) -> None:
        """Many records in the same millisecond."""
        self.happened["created"] += (count := rng.randrange(1, 12))
        self.it.edits.bulk(name, count, {"amount": "12.34"} if name == "deals" else {})

    def _archive(self, name: str, rng: Random) -> None:
        ids = self._live(name)
        self.happened["archived"] += 1
        self.it.edits.archive(name, rng.sample(ids, min(len(ids), rng.randrange(1, 4))))

    def _restore(self, name: str, rng: Random) -> None:
        gone = sorted(record.id for record in self.it.sandbox.world.tables[KINDS[name]].archived)
        if gone:
            self.happened["restored"] += 1
            self.it.edits.restore(name, rng.choice(gone), touch=rng.random() < 0.5)

    def _purge(self, name: str, rng: Random) -> None:
        if ids := self._live(name):
            self.happened["purged"] += 1
            self.it.edits.purge(name, rng.choice(ids))

    def _merge(self, name: str, rng: Random) -> None:
        ids = self._live(name)
        if name != "calls" and len(ids) > 1:
            self.happened["merged"] += 1
            self.it.edits.merge(name, *rng.sample(ids, 2))

    def live(self, rng: Random) -> None:
        """An ordinary stretch of time."""
        self.it.edits.live(
            timedelta(minutes=rng.randrange(1, 300)), changes=rng.randrange(1, 20), seed=rng.randrange(10**6)
        )

    def relink(self, rng: Random) -> None:
        """A link that touches no time of change."""
        deals, contacts = self._live("deals"), self._live("contacts")
        if deals and contacts:
            self.happened["linked"] += 1
            self.it.edits.associate("deals", rng.choice(deals), "contacts", rng.choice(contacts))

    # What the network does

    def trouble(self, rng: Random) -> None:
        """From now on so many answers go wrong, in a few ways of many, and the search index lags so much."""
        sandbox = self.it.sandbox
        sandbox.faults.rate = rng.choice(FAULTS)
        sandbox.faults.mix = tuple(rng.choices(trouble.PASSING, k=WEATHERS))
        if rng.random() < 0.2:
            sandbox.faults.next(rng.choice(trouble.ENDING), 1, rng.choice(("", ".*search", ".*batch")))
        sandbox.set_search_lag(rng.choice(LAGS))
        sandbox.skew = rng.choice(SKEWS)

    def meanwhile(self, rng: Random) -> None:
        """Something happens to a record exactly while it is being read."""
        its_own = Random(rng.random())

        def happen() -> None:
            with self.it.sandbox.world.lock:
                its_own.choices((self.edit, self.relink, self.live), weights=(6, 1, 1))[0](its_own)

        for _ in range(rng.randrange(1, 4)):
            self.happened["meanwhile"] += 1
            self.it.sandbox.at_request(rng.randrange(1, 60), happen)

    # What we do

    def sync(self, rng: Random) -> None:
        """A run, which may crash at any of its pages."""
        left = rng.choice((None, None, rng.randrange(1, 30)))
        wish = rng.choice(("", "", "", "deep", "full"))

        def progress(stream: str, read: int) -> None:
            nonlocal left
            left = left - 1 if left is not None else None
            if left == 0:
                raise CrashError

        try:
            run = self.it.sync(progress=progress, deep=wish == "deep", full=wish == "full", lease=CRASHED_FOR / 2)
            self.happened[f"runs {run.outcome}"] += 1
        except CrashError:
            self.happened["crashes"] += 1
            self.it.later(CRASHED_FOR)

    def end(self) -> None:
        """Nothing goes wrong any more, and a day passes: the store must equal the account."""
        assert not self.it.sandbox.meanwhile.failed
        self.it.sandbox.meanwhile.clear()
        self.it.sandbox.faults.clear()
        self.it.sandbox.skew = timedelta(0)
        self.it.sandbox.set_search_lag(timedelta(0))
        self.it.later(CRASHED_FOR)
        with suppress(LeaseHeldError):
            self.it.sync(allow_shrink=True)
        self.it.later(DAY + timedelta(hours=2))
        run = self.it.sync(deep=True, allow_shrink=True)
        assert run.outcome == "ok", run.error
        self.it.assert_equals_account()
        again = self.it.sync(deep=True)
        assert (again.outcome, again.counts.written) == ("ok", 0), again.counts

    def grow(self, seed: int, steps: int) -> None:
        """A story without purges, merges and links, which ordinary runs are to follow by themselves."""
        rng = Random(seed)
        for _ in range(steps):
            self.it.sandbox.faults.rate, self.it.sandbox.faults.mix = rng.choice(FAULTS[:3]), trouble.PASSING
            self.it.sandbox.set_search_lag(rng.choice(LAGS))
            stage = rng.choice(sorted(self.it.by_stage()))
            self.it.edits.create("deals", {"dealname": str(seed), "amount": "5.00", "dealstage": stage})
            rng.choice((self._change, self._bulk, self._archive))("deals", rng)
            self.it.later(timedelta(minutes=rng.randrange(1, 20)))
            self._ordinary(crash_at=rng.choice((None, 1, 2, 3, 4)))
        self.it.sandbox.faults.clear()
        self.it.sandbox.set_search_lag(timedelta(0))
        for _ in range(2):  # the second reads what the first saw too late
            self.it.later(LATE)
            self._ordinary(crash_at=None)

    def read_first(self, crash_at: int) -> None:
        """The first read, crashed at its n-th page, and ended."""
        self._ordinary(crash_at)
        self._ordinary(None)

    def _ordinary(self, crash_at: int | None) -> None:
        """A run of what deals tell by their time of change, which may crash after the n-th page with deals."""
        left = crash_at

        def progress(stream: str, read: int) -> None:
            nonlocal left
            if stream.startswith("deals") and left is not None and (left := left - 1) == 0:
                raise CrashError

        try:
            self.it.sync(progress=progress, only=("deals",), lease=CRASHED_FOR / 2)
        except CrashError:
            self.happened["crashes"] += 1
            self.it.later(CRASHED_FOR)

    def step(self, rng: Random) -> None:
        """Any of it."""
        steps = (self.edit, self.live, self.relink, self.trouble, self.meanwhile, self.sync)
        rng.choices(steps, weights=(6, 2, 1, 2, 2, 4))[0](rng)

    def play(self, seed: int, steps: int) -> None:
        """A whole story, to its good end."""
        rng = Random(seed)
        self.it.times.ahead = rng.choice(AHEAD)
        self.trouble(rng)
        self.sync(rng)
        for _ in range(steps):
            self.step(rng)
        self.end()

"""What we may spend of a CRM's limits is kept, also while another program spends from the same account."""

from math import ceil

import pytest

from dealmeter.sandbox.hubspot import RateLimit
from dealmeter.sandbox.hubspot.limits import Limiter, Verdict
from tests.reliability.conftest import PATIENCE, Promise, Stores
from tests.rig import DAY, Rig, rig

LIST = "list"
ASSOCIATIONS, REST = "associations", "rest"
WINDOW_S = 10.0
FOR_ASSOCIATIONS = 40
"""Theirs is a limit of their own, and not the same."""
NEAR = 1.02
MOST_DAYS = 12


class Shared(Limiter):
    """An account's limits on simulated time, spent by us and, so many times a second, by another program.

    Remembers when our requests came, by kind of endpoint, and how often anybody was refused.
    """

    def __init__(self, it: Rig, limit: RateLimit, *, others: float) -> None:
        super().__init__(it.sandbox.world, limit, monotonic=lambda: self._at)
        self.ours: dict[str, list[float]] = {"search": [], ASSOCIATIONS: [], REST: []}
        self.refused = 0
        self._times, self._others, self._next = it.times, others, 0.0
        self._at = 0.0

    def admit(self, token: str, endpoint: str) -> Verdict:
        while self._next <= self._times.waited:
            self._at = self._next
            self.refused += super().admit(token, LIST).policy is not None
            self._next += 1 / self._others
        self._at = self._times.waited
        verdict = super().admit(token, endpoint)
        self.refused += verdict.policy is not None
        self.ours[endpoint if endpoint in self.ours else REST].append(self._at)
        return verdict

    def most_in_a_window(self, endpoint: str) -> int:
        """How many of ours came within the fullest stretch of the window's length."""
        came = self.ours[endpoint]
        return max(sum(1 for other in came[first:] if other < at + WINDOW_S) for first, at in enumerate(came))


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_the_share_of_the_burst_limit_is_kept_and_used(stores: Stores, promise: Promise, share: float) -> None:
    promise.is_that(
        "The configured share of the burst limit is kept to within 2 %, nobody is refused, and the run takes at most "
        "5 % longer than the share allows",
        "another program spends from the same limit; simulated time, one request at a time",
    )
    most = 30
    allowed = int(most * share)
    for seed in promise.cases(1):
        budget = {"burst_limit": most, "burst_share": share, "search_per_second": 5, "parallel": 1}
        with stores() as store, rig(store, deals=250, activities_per_deal=1, settings={"budget": budget}) as it:
            others = (most - allowed) // 2 - 1 - seed % 3
            shared = Shared(it, RateLimit(burst=most, associations=FOR_ASSOCIATIONS), others=others / WINDOW_S)
            it.sandbox.limits = shared
            assert it.sync(parallel=1).outcome == "ok"
            it.assert_equals_account()
            assert shared.refused == 0
            assert shared.most_in_a_window(REST) <= allowed * NEAR
            assert shared.most_in_a_window(ASSOCIATIONS) <= int(FOR_ASSOCIATIONS * share) * NEAR
            floor = (ceil(len(shared.ours[REST]) / allowed) - 1) * WINDOW_S
            assert floor >= WINDOW_S
            assert it.times.waited <= (floor + len(shared.ours["search"]) / 5) * 1.05 + 1


def test_the_share_of_the_day_is_kept_and_the_next_day_goes_on(stores: Stores, promise: Promise) -> None:
    promise.is_that(
        "The configured share of the daily limit is kept to within 2 %; a run that has used it ends clean and the next "
        "day's goes on until the store equals the CRM; no stream starves",
        "another program spends from the same limit; six requests at a time",
    )
    daily, share, left = 1_000, 0.5, 75
    for seed in promise.cases(1):
        budget = {"burst_limit": 100_000, "daily_share": share, "search_per_second": 5}
        with stores() as store, rig(store, deals=900, activities_per_deal=1, settings={"budget": budget}) as it:
            it.sandbox.limits = Limiter(
                it.sandbox.world, RateLimit(burst=100_000, daily=daily), monotonic=lambda: it.times.waited
            )
            done: set[str] = set()
            for day in range(MOST_DAYS):
                it.sandbox.limits.spend(int(daily * share) - left - seed % 8)
                run = it.sync()
                assert it.sandbox.limits.used_today <= daily * share * NEAR
                done |= {stream.stream for stream in run.streams if stream.outcome == "ok"}
                if day and done >= {stream.stream for stream in run.streams}:
                    break
                if run.outcome != "ok":
                    assert run.postponed is not None, run.error
                    assert "goes on where it stopped" in getattr(run.error, "hint", "")
                it.later(DAY)
            assert 1 < day < MOST_DAYS - 1, "every day must get further, and no stream may starve"
            it.assert_equals_account()


@pytest.mark.skipif(PATIENCE < 2, reason="takes half a minute of real time")
def test_six_at_a_time_on_real_time(stores: Stores, promise: Promise) -> None:
    promise.is_that("Under 60 of 100 requests in 10 s no request is refused, six at a time", "real time")
    for _ in promise.cases(1):
        budget = {"burst_limit": 100, "burst_share": 0.6, "search_per_second": 5}
        with stores() as store, rig(store, deals=250, activities_per_deal=1, settings={"budget": budget}) as it:
            it.sandbox.limits = Limiter(it.sandbox.world, RateLimit(burst=60, associations=None))
            assert it.sync().outcome == "ok"
            assert it.sandbox.requests.statuses[429] == 0

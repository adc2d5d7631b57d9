"""Local days in SQL, from the same zone data as Python's, so that no database's own copy can disagree."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 1970, 2080
Change = tuple[datetime, int]
Span = tuple[datetime, datetime]
EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@lru_cache(maxsize=16)
def offset_changes(zone: ZoneInfo) -> tuple[Change, ...]:
    """The UTC instants from which a new offset holds, with the offset in seconds; the first holds from ever."""
    instant = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    end = datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
    changes = [(instant, _offset(zone, instant))]
    while instant < end:
        onward = instant + timedelta(days=7)
        if _offset(zone, onward) != _offset(zone, instant):
            at = _turn(zone, instant, onward)
            changes.append((at, _offset(zone, at)))
        instant = onward
    return tuple(changes)


def local_time(instant: str, zone: ZoneInfo, within: Span = EVER) -> str:
    """A DuckDB expression: the local time of a UTC timestamp expression, for instants `within` a span."""
    return f"({instant} + to_seconds({_tree(instant, _changes(zone, within))}))"


def day_end(day: str, zone: ZoneInfo, within: Span = EVER) -> str:
    """A DuckDB expression: the last microsecond of a local day `within` a span, as a UTC timestamp."""
    changes = _changes(zone, within)
    walls = [(at + timedelta(seconds=max(now, before)), now) for (_, before), (at, now) in pairwise(changes)]
    local = f"({day} + INTERVAL 1 DAY)"
    return f"({local} - to_seconds({_tree(local, [changes[0], *walls])}) - INTERVAL 1 MICROSECOND)"


def _changes(zone: ZoneInfo, within: Span) -> Sequence[Change]:
    """The changes of the offset that matter in a span: few for a few years, and each costs a comparison."""
    every, (first, last) = offset_changes(zone), within
    start = max((place for place, (at, _) in enumerate(every) if at <= first), default=0)
    return [every[start], *(change for change in every[start + 1 :] if change[0] <= last)]


def _tree(value: str, changes: Sequence[Change]) -> str:
    """The offset at `value` as a balanced tree of comparisons: seven deep for a century of summer times."""
    if len(changes) == 1:
        return str(changes[0][1])
    middle = len(changes) // 2
    at = changes[middle][0].replace(tzinfo=None).isoformat(" ")
    later, earlier = _tree(value, changes[middle:]), _tree(value, changes[:middle])
    return f"CASE WHEN {value} >= TIMESTAMP '{at}' THEN {later} ELSE {earlier} END"


def _turn(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        same = _offset(zone, middle) == _offset(zone, before)
        before, after = (middle, after) if same else (before, middle)
    return after


def _offset(zone: ZoneInfo, instant: datetime) -> int:
    offset = instant.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0

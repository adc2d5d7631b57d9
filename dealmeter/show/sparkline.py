"""A series of values as one line of small bars."""

from collections.abc import Sequence
from decimal import Decimal

BARS = "▁▂▃▄▅▆▇█"
GAP = "·"


def sparkline(values: Sequence[Decimal | None]) -> str:
    """One bar per value from the smallest (or zero) to the largest; a dot where there is none."""
    there = [value for value in values if value is not None]
    if not there:
        return GAP * len(values)
    low, high = min(*there, Decimal(0)), max(*there, Decimal(0))
    return "".join(GAP if value is None else _bar(value, low, high) for value in values)


def _bar(value: Decimal, low: Decimal, high: Decimal) -> str:
    if high == low:
        return BARS[0]
    return BARS[int((value - low) / (high - low) * (len(BARS) - 1) + Decimal("0.5"))]

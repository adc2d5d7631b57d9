"""Compare two values: how far apart they are, and whether chance alone could be the reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import erfc, exp, lgamma, log, sqrt
from typing import Any

from kpi.metric import Flow, Mean, Metric, Ratio, Unit

Z = 1.959963984540054
LEVEL = 0.05
EXACT_BELOW = 2000  # events up to which the Poisson test adds up every outcome
Value = Mapping[str, Any]
"""A value as it is stored, with numerator, denominator, n, status and coverage."""


class Verdict(StrEnum):
    """What a change is worth."""

    SIGNIFICANT = "significant"
    NOT_SIGNIFICANT = "not significant"
    TOO_FEW = "too few to tell"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From `base` to `value`: `absolute` is the difference (for ratios 0.01 is a percentage point), `relative` to the
    base's size. None where a side is missing, or the base is 0."""

    value: Decimal | None
    base: Decimal | None
    absolute: Decimal | None
    relative: Decimal | None
    verdict: Verdict


def change(metric: Metric, now: Value, base: Value | None, *, days: tuple[int, int], min_sample: int) -> Change:
    """The change from a base; `days` are the lengths of both, for counts of events.

    Counts: exact Poisson test of two rates (conditional binomial). Ratios: Newcombe's interval of the difference of two
    shares excludes 0 (R. Newcombe, Statistics in Medicine 17, 1998, method 10). Means: Welch's test by their standard
    errors. Sums of money and what is made of several KPIs: no verdict.
    """
    value, before = now["value"], None if base is None else base["value"]
    if base is None or value is None or before is None:
        return Change(value=value, base=before, absolute=None, relative=None, verdict=Verdict.UNKNOWN)
    absolute = value - before
    return Change(
        value=value,
        base=before,
        absolute=absolute,
        relative=absolute / abs(before) if before else None,
        verdict=_verdict(metric, now, base, days, min_sample),
    )


def _verdict(metric: Metric, now: Value, base: Value, days: tuple[int, int], min_sample: int) -> Verdict:
    found: bool | None = None
    if isinstance(metric, Flow) and metric.card.unit is Unit.COUNT:
        if now["value"] + base["value"] < min_sample:
            return Verdict.TOO_FEW
        found = poisson(int(now["value"]), int(base["value"]), days[0] / sum(days)) < LEVEL
    elif isinstance(metric, Ratio | Mean) and min(now["n"] or 0, base["n"] or 0) < min_sample:
        return Verdict.TOO_FEW
    elif isinstance(metric, Ratio):
        low, high = newcombe(
            int(now["numerator"]), int(now["denominator"]), int(base["numerator"]), int(base["denominator"])
        )
        found = low > 0 or high < 0
    elif isinstance(metric, Mean):
        errors = [(one["coverage"] or {}).get("standard_error") for one in (now, base)]
        if None not in errors and any(errors):
            spread = sqrt(sum(float(error) ** 2 for error in errors if error is not None))
            found = abs(float(now["value"] - base["value"])) > Z * spread
    if found is None:
        return Verdict.UNKNOWN
    return Verdict.SIGNIFICANT if found else Verdict.NOT_SIGNIFICANT


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % interval of a share (E. Wilson, 1927)."""
    share = part / whole
    middle = (share + Z * Z / (2 * whole)) / (1 + Z * Z / whole)
    half = Z * sqrt(share * (1 - share) / whole + Z * Z / (4 * whole * whole)) / (1 + Z * Z / whole)
    return middle - half, middle + half


def newcombe(part: int, whole: int, other_part: int, other_whole: int) -> tuple[float, float]:
    """The 95 % interval of the difference of two shares."""
    (low, high), (other_low, other_high) = wilson(part, whole), wilson(other_part, other_whole)
    share, other = part / whole, other_part / other_whole
    difference = share - other
    return (
        difference - sqrt((share - low) ** 2 + (other_high - other) ** 2),
        difference + sqrt((high - share) ** 2 + (other - other_low) ** 2),
    )


def poisson(events: int, others: int, share: float) -> float:
    """How likely two counts at least this far apart are, when `share` of the time was the first one's."""
    total = events + others
    if not total or not 0 < share < 1:
        return 1.0
    if total > EXACT_BELOW:
        return erfc(abs(events - total * share) / sqrt(2 * total * share * (1 - share)))
    chances = [_binomial(total, number, share) for number in range(total + 1)]
    return min(1.0, sum(chance for chance in chances if chance <= chances[events] * (1 + 1e-9)))


def _binomial(total: int, number: int, share: float) -> float:
    ways = lgamma(total + 1) - lgamma(number + 1) - lgamma(total - number + 1)
    return exp(ways + number * log(share) + (total - number) * log(1 - share))

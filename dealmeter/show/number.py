"""Numbers as people read them: money with its currency, ratios as percent, durations in days."""

from decimal import Decimal

NOTHING = "—"
NO_CENTS = frozenset({"IRR", "IRT", "JPY", "KRW", "VND", "CLP", "HUF", "ISK", "IDR"})
"""Currencies that nobody writes with decimals."""
REASONS = {
    "zero_denominator": "nothing to divide by",
    "negative_base": "the base is negative",
    "no_target": "no target is set",
    "target_met": "the target is met",
    "no_churn_observed": "no churn was observed",
    "source_missing": "no source for it is connected",
    "fx_missing": "an exchange rate is missing",
    "insufficient_data": "too little data",
}
"""What a status means where there is no value."""


def number(value: Decimal | None, unit: str, currency: str | None = None, *, brief: bool = False) -> str:
    """A value in its unit; a dash for none. Brief: thousands of money without their cents."""
    if value is None:
        return NOTHING
    match unit:
        case "money":
            amount = f"{value:,.0f}" if currency in NO_CENTS or (brief and abs(value) >= 1000) else f"{value:,.2f}"
            return f"{amount} {currency}" if currency else amount
        case "ratio":
            return f"{value * 100:,.1f} %"
        case "duration":
            return f"{value:,.1f} days"
        case "minutes" | "months":
            return f"{value:,.1f} {unit}"
    return _count(value)


def change(value: Decimal | None, before: Decimal | None, unit: str) -> str:
    """How a value differs from the one before: in percent, for ratios in percentage points, for scores in points."""
    if value is None or before is None:
        return NOTHING
    if unit == "ratio":
        return f"{(value - before) * 100:+,.1f} pp"
    if unit == "score":
        return f"{value - before:+,.1f} points"
    if before == 0:
        return "0 %" if value == 0 else "new"
    return f"{(value - before) / abs(before) * 100:+,.1f} %"


def reason(status: str, detail: str | None = None) -> str:
    """Why there is no value."""
    said = REASONS.get(status, status.replace("_", " "))
    return f"{said} ({detail})" if detail else said


def plain(value: Decimal) -> str:
    """A decimal without exponent and without zeros that say nothing."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def _count(value: Decimal) -> str:
    if value == value.to_integral_value():
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"

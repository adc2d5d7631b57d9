"""How Salesforce writes instants, days and numbers."""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

from dealmeter.sandbox.clock import instant


@lru_cache(maxsize=65_536)
def stamp(second: int) -> str:
    """A whole second since 1970 as REST writes it; Bulk has `Z` in place of `+0000`."""
    return f"{datetime.fromtimestamp(second, UTC).isoformat()[:19]}.000+0000"


def moment(ms: int) -> str:
    """Milliseconds since 1970, cut to the second."""
    return stamp(ms // 1000)


@lru_cache(maxsize=65_536)
def local_day(ms: int, zone: ZoneInfo) -> str:
    """The day of an instant in a time zone, `YYYY-MM-DD`."""
    return instant(ms).astimezone(zone).date().isoformat()


def seconds(text: str) -> int:
    """Back from REST's text to whole seconds."""
    return int(datetime.fromisoformat(text).timestamp())


def number(value: object, places: int = 2) -> float | None:
    """A number as typed, rounded half up as Salesforce stores it; None for nothing and for what is no number."""
    if value is None or value == "":
        return None
    try:
        found = Decimal(str(value))
        return float(round_half_up(found, places)) if found.is_finite() else None
    except InvalidOperation:
        return None


def round_half_up(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def titled(value: object) -> str | None:
    """`PAID_SEARCH` as people in Salesforce see it: `Paid Search`."""
    return None if not value else str(value).replace("_", " ").title()


def day(text: str) -> date:
    return date.fromisoformat(text)

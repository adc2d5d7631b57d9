"""Cells: what people type into a spreadsheet -> values, exactly, or a CellError that says what to write instead."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from store.records import Statement

Parse = Callable[[str], Any]

TO_ASCII = str.maketrans(
    "۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩−",
    "01234567890123456789-",
    "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",  # marks of writing direction
)
PLAIN = {
    "point": re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?", re.ASCII),
    "comma": re.compile(r"[+-]?\d{1,40}", re.ASCII),
}
DATE = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", re.ASCII)
MOMENT = re.compile(
    r"(?P<day>\d{4}[-/.]\d{1,2}[-/.]\d{1,2})"
    r"(?:[T ]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)
CURRENCY = re.compile("[A-Z]{3}")
CURRENCIES = frozenset({"currency", "from_currency", "to_currency", "base_currency"})
RANGES: Mapping[str, tuple[int, int]] = {"probability": (0, 1), "percent": (0, 100), "fiscal_year_start": (1, 12)}
YES = frozenset({"true", "yes", "y", "t", "1", "بله", "evet", "да"})
NO = frozenset({"false", "no", "n", "f", "0", "خیر", "hayır", "нет"})
REMEMBERED = 20_000


class CellError(ValueError):
    """A cell that can't be used, and what to write instead."""


def parsers(record: type[Statement], *, decimal: str, calendar: str, zone: tzinfo) -> dict[str, Parse]:
    """How the cells of each field of a record are read."""
    days = DAYS[calendar]
    kinds: Mapping[type, Parse] = {
        str: text,
        bool: boolean,
        int: lru_cache(REMEMBERED)(lambda cell: _whole(number(cell, decimal))),
        Decimal: lru_cache(REMEMBERED)(lambda cell: number(cell, decimal)),
        date: lru_cache(REMEMBERED)(lambda cell: day(cell, days, zone)),
        datetime: lru_cache(REMEMBERED)(lambda cell: moment(cell, days, zone)),
    }
    found: dict[str, Parse] = {}
    for name, field in record.model_fields.items():
        kind = kind_of(field.annotation)
        if kind in kinds:
            found[name] = kinds[kind]
        if name in CURRENCIES:
            found[name] = currency
        if name in RANGES:
            found[name] = _within(found[name], *RANGES[name])
    return found


def text(cell: str) -> str:
    """Text as it stands. Raises CellError for a NUL, which no database keeps."""
    if "\0" in cell:
        raise CellError("has a NUL character in it")
    return cell


def boolean(cell: str) -> bool:
    """Yes or no, in the languages that we speak."""
    word = cell.translate(TO_ASCII).lower()
    if word in YES or word in NO:
        return word in YES
    raise CellError("is neither true nor false")


def currency(cell: str) -> str:
    """A code of ISO 4217."""
    code = cell.upper()
    if not CURRENCY.fullmatch(code):
        raise CellError("is no currency code of three letters, such as EUR")
    return code


# ------------------------------------------------------------------------------------------------------ numbers


def _written(mark: str, group: str) -> re.Pattern[str]:
    groups = rf"\d{{1,3}}(?P<mark>[{re.escape(group)}'’ \u00a0\u202f])\d{{3}}(?:(?P=mark)\d{{3}})*"
    return re.compile(rf"(?P<whole>[+-]?(?:{groups}|\d{{1,40}}))(?:{re.escape(mark)}(?P<part>\d{{1,40}}))?", re.ASCII)


NUMBERS = {"point": _written(".", ","), "comma": _written(",", ".")}
MARKS = {
    "point": TO_ASCII | str.maketrans("٫٬،", ".,,"),
    "comma": TO_ASCII | str.maketrans("٫٬،", ",.."),
}
OTHER = {"point": "comma", "comma": "point"}


def number(cell: str, decimal: str) -> Decimal:
    """An exact number. `decimal` is point (1,500.25) or comma (1.500,25); the Arabic marks ٫ and ٬ are always clear."""
    if PLAIN[decimal].fullmatch(cell):
        return Decimal(cell)
    found = NUMBERS[decimal].fullmatch(cell.translate(MARKS[decimal]))
    if found is None:
        other = NUMBERS[OTHER[decimal]].fullmatch(cell.translate(MARKS[OTHER[decimal]]))
        hint = f"; if it is one, set `decimal: {OTHER[decimal]}`" if other else ": write digits only, such as 1500.25"
        raise CellError(f"is not a number{hint}")
    whole = re.sub(r"[^\d+-]", "", found["whole"], flags=re.ASCII)
    return Decimal(f"{whole}.{found['part']}" if found["part"] else whole)


def _whole(value: Decimal) -> int:
    if value != value.to_integral_value():
        raise CellError("is not a whole number")
    return int(value)


def _within(parse: Parse, low: int, high: int) -> Parse:
    def bounded(cell: str) -> Any:
        value = parse(cell)
        if not low <= value <= high:
            raise CellError(f"is not between {low} and {high}")
        return value

    return bounded


# --------------------------------------------------------------------------------------------------------- days


def _gregorian(year: int, month: int, day_: int) -> date:
    if year < 1700:
        raise CellError("looks like a Solar Hijri day: set `calendar: jalali`")
    return date(year, month, day_)


def _jalali(year: int, month: int, day_: int) -> date:
    if year > 1700:
        raise CellError("looks like a Gregorian day, but `calendar: jalali` is set")
    from jdatetime import date as jalali

    found: date = jalali(year, month, day_).togregorian()
    return found


Days = Callable[[int, int, int], date]
DAYS: Mapping[str, Days] = {"gregorian": _gregorian, "jalali": _jalali}


def day(cell: str, days: Days, zone: tzinfo) -> date:
    """A calendar day. A time behind it is dropped, as the day is what was meant; one with a zone is local in `zone`."""
    written = MOMENT.fullmatch(cell.translate(TO_ASCII))
    if written is not None and written["zone"]:
        return moment(cell, days, zone).astimezone(zone).date()
    return _date(written["day"] if written is not None else "", days)


def moment(cell: str, days: Days, zone: tzinfo) -> datetime:
    """An instant in UTC. A time without a zone is local in `zone`, a day alone its first moment."""
    written = MOMENT.fullmatch(cell.translate(TO_ASCII))
    if written is None:
        raise CellError("is no time: write 2026-03-31 14:30 or 2026-03-31T14:30:00+03:00")
    found, clock = _date(written["day"], days), time()
    try:
        if written["hour"]:
            micros = int((written["fraction"] or "").ljust(6, "0")[:6])
            clock = time(int(written["hour"]), int(written["minute"]), int(written["second"] or 0), micros)
        local = _zone(written["zone"]) if written["zone"] else zone
        return datetime.combine(found, clock, local).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CellError("is no time of day that there is") from None


def _date(cell: str, days: Days) -> date:
    written = DATE.fullmatch(cell)
    if written is None:
        raise CellError("is no day: write year-month-day, such as 2026-03-31")
    try:
        return days(int(written[1]), int(written[3]), int(written[4]))
    except CellError:
        raise
    except (ValueError, OverflowError):
        raise CellError("is no day that there is") from None


def _zone(text_: str) -> tzinfo:
    if text_.upper() == "Z":
        return UTC
    sign = -1 if text_[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text_[1:3]), minutes=int(text_[-2:])))


def kind_of(annotation: Any) -> Any:
    """The plain type inside an optional, annotated one."""
    if get_origin(annotation) is Annotated:
        return kind_of(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return kind_of(next(part for part in get_args(annotation) if part is not type(None)))
    return annotation

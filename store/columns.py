"""Column types that mean the same on SQLite and PostgreSQL: instants in UTC, exact decimals, JSON."""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator
from sqlalchemy import Dialect, Float, Numeric, String, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field

from store.json_text import json_text

SIX_DECIMALS = Decimal("0.000001")
SIGNIFICANT_DIGITS = 15  # what a double keeps exactly; SQLite has no decimal type

LARGEST_EXPONENT = 30


def utc(value: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a time without a zone: it names no instant."""
    if value.tzinfo is None:
        raise ValueError("a time without a zone names no instant")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


@lru_cache(maxsize=4096)  # a visit ends when the next one begins, a change is set when its deal is: the same instants
def instant_text(value: datetime) -> str:
    """An instant as SQLite keeps it. Raises ValueError for a time without a zone."""
    return (value if value.tzinfo is UTC else utc(value)).isoformat(" ", "microseconds")[:26]


def exact(value: Decimal) -> Decimal:
    """A decimal as both databases keep it: six decimals, at most 15 significant digits.

    Raises ValueError for what can't be kept: NaN, infinity, more digits.
    """
    if not value.is_finite():
        raise ValueError("not a finite number")
    if value and value.adjusted() < -SIGNIFICANT_DIGITS:
        return Decimal(0)
    if value.adjusted() >= SIGNIFICANT_DIGITS:
        raise ValueError(f"more than {SIGNIFICANT_DIGITS} significant digits can't be kept exactly")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -6:
        value = value.quantize(SIX_DECIMALS, rounding=ROUND_HALF_EVEN)
    if len(value.normalize().as_tuple().digits) > SIGNIFICANT_DIGITS:
        raise ValueError(f"more than {SIGNIFICANT_DIGITS} significant digits can't be kept exactly")
    return value


def significant(value: Decimal) -> Decimal:
    """A rate with at most 15 significant digits, however small: rounded, where it has more.

    Raises ValueError for NaN and infinity.
    """
    if not value.is_finite():
        raise ValueError("not a finite number")
    if value and abs(value.adjusted()) > LARGEST_EXPONENT:
        raise ValueError("too large or too small to be a rate")
    return Context(prec=SIGNIFICANT_DIGITS, rounding=ROUND_HALF_EVEN).plus(value)


def whole(value: int) -> int:
    """A whole number of four bytes, as PostgreSQL keeps it. Raises ValueError for a larger one."""
    if not -(2**31) <= value < 2**31:
        raise ValueError("too large to be kept")
    return value


class InstantType(TypeDecorator[datetime]):
    """An instant: `timestamptz` on PostgreSQL, fixed-width UTC text (`2026-01-02 03:04:05.678000`) on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """One type per database."""
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """UTC text on SQLite. Raises ValueError for a naive time on both."""
        if value is None:
            return None
        return utc(value) if dialect.name == "postgresql" else instant_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Always aware, always UTC."""
        if value is None:
            return None
        return utc(value) if isinstance(value, datetime) else datetime.fromisoformat(value).replace(tzinfo=UTC)


class KeyType(TypeDecorator[str]):
    """A text that is part of a key: `COLLATE "C"` on PostgreSQL, as SQLite compares anyway."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """One type per database."""
        return dialect.type_descriptor(String(collation="C") if dialect.name == "postgresql" else String())


class DecimalType(TypeDecorator[Decimal]):
    """An exact decimal in natural units: `numeric` on PostgreSQL, a double of at most 15 digits on SQLite."""

    impl = Float
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """One type per database."""
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else Float())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """A double on SQLite: exact, because `exact` has bounded the digits."""
        return value if value is None or dialect.name == "postgresql" else float(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Decimal again; the shortest text of a double of 15 digits is that decimal."""
        return value if value is None or isinstance(value, Decimal) else Decimal(repr(value))


class JsonType(TypeDecorator[Any]):
    """JSON: `jsonb` on PostgreSQL, text with sorted keys on SQLite, so that equal values are equal text."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """One type per database."""
        return dialect.type_descriptor(JSONB() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Text on SQLite; PostgreSQL's driver takes the value itself."""
        if value is None or dialect.name == "postgresql":
            return value
        return json_text(value, option=orjson.OPT_SORT_KEYS)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The value again."""
        return orjson.loads(value) if isinstance(value, str) and dialect.name != "postgresql" else value


Instant = Annotated[datetime, AfterValidator(utc)]
"""A moment in UTC."""
Number = Annotated[Decimal, AfterValidator(exact)]
"""An exact decimal: money in natural units, a quantity, a probability from 0 to 1."""
Rate = Annotated[Decimal, AfterValidator(significant)]
"""A rate between two currencies or units."""
Whole = Annotated[int, AfterValidator(whole)]
"""A whole number that fits both databases."""
Day = date
"""A calendar day, never moved between time zones."""


def instant() -> Any:
    """An optional instant of a record."""
    return Field(default=None, sa_type=InstantType)


def number() -> Any:
    """An optional exact decimal of a record."""
    return Field(default=None, sa_type=DecimalType)


def json() -> Any:
    """An optional JSON value of a record."""
    return Field(default=None, sa_type=JsonType)


def key() -> Any:
    """A text field that is part of a record's key: compared by its code points on every server, whatever its locale."""
    return Field(primary_key=True, sa_type=KeyType)


def instant_key() -> Any:
    """An instant that is part of a record's key."""
    return Field(primary_key=True, sa_type=InstantType)

"""Which values an export holds, read a slice at a time: memory stays small however long the history."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, text

from dealmeter.errors import UsageError
from dealmeter.show.row import Row
from dealmeter.show.snapshots import WITH_HISTORY
from store.schema import KpiSnapshot, table_of
from store.snapshots import latest

TYPES = {column.name: column.type for column in table_of(KpiSnapshot).columns}
SLICES = (
    "SELECT DISTINCT kpi_key, calendar, grain, dimension FROM kpi_history ORDER BY kpi_key, calendar, grain, dimension"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Empty means all."""

    kpis: Sequence[str] = ()
    grain: str | None = None
    calendar: str | None = None
    dimensions: Sequence[str] = ()
    as_of: datetime | None = None
    history: bool = False

    def wants(self, slice_: Mapping[str, str]) -> bool:
        """Whether these values belong to it."""
        return (
            (not self.kpis or slice_["kpi_key"] in self.kpis)
            and (self.grain is None or slice_["grain"] == self.grain)
            and (self.calendar is None or slice_["calendar"] == self.calendar)
            and (not self.dimensions or slice_["dimension"] in self.dimensions)
        )


def rows(tx: Connection, choice: Choice) -> Iterator[Row]:
    """The chosen values: by KPI, calendar, grain, dimension, member and period."""
    slices = [dict(row) for row in tx.execute(text(SLICES)).mappings()]
    for slice_ in slices:
        if choice.wants(slice_):
            yield from (
                _history(tx, slice_, choice.as_of) if choice.history else latest(tx, as_of=choice.as_of, **slice_)
            )


def dimension_of(written: str) -> str:
    """A dimension as it is stored: nothing for `total`, crossed ones by name. Raises UsageError with a suggestion."""
    from dealmeter.config.problems import suggestion
    from kpi.catalogue import DIMENSIONS

    names = [] if written == "total" else sorted(written.split(","))
    for name in names:
        if name not in DIMENSIONS:
            hint = suggestion(name, ["total", *DIMENSIONS]).removeprefix("; ")
            raise UsageError(f"there is no dimension {name!r}", hint=hint)
    return ",".join(names)


def moment(written: str) -> datetime:
    """An instant as people write it; a day means its end, a time without a zone is UTC."""
    try:
        if len(written) == len("2026-03-31"):
            return datetime.combine(date.fromisoformat(written), time(), UTC) + timedelta(days=1)
        found = datetime.fromisoformat(written)
    except ValueError:
        raise UsageError(
            f"{written!r} is no time", hint="write it as 2026-03-31 or 2026-03-31T12:00:00+03:00"
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _history(tx: Connection, slice_: Mapping[str, str], as_of: datetime | None) -> Iterator[Row]:
    """Every value of a slice in the order in which they were written, from the readers' view."""
    conditions = [f"{name} = :{name}" for name in slice_]
    values: dict[str, Any] = dict(slice_)
    if as_of is not None:
        conditions.append("computed_at <= :as_of")
        values["as_of"] = as_of
    query = text(
        f"SELECT {', '.join(WITH_HISTORY)} FROM kpi_history WHERE {' AND '.join(conditions)} "  # our own names
        "ORDER BY member, period_start, id"
    )
    if as_of is not None:
        query = query.bindparams(bindparam("as_of", type_=TYPES["computed_at"]))
    typed = query.columns(**{name: TYPES[name] for name in WITH_HISTORY})
    found = tx.execute(typed, values, execution_options={"stream_results": True, "yield_per": 1000})
    yield from found.mappings()

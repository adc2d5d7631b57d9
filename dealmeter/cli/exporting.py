"""Which values an export holds, read a slice at a time: memory stays small however long the history."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, text

from dealmeter.errors import UsageError
from dealmeter.show.row import Row
from dealmeter.show.snapshots import WITH_HISTORY
from store.schema import KpiSnapshot, table_of
from store.snapshots import LIVE, REBUILT, latest

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
    at: datetime | None = None
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
                _history(tx, slice_, choice)
                if choice.history
                else latest(tx, as_of=choice.as_of, at=choice.at, **slice_)
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


def _history(tx: Connection, slice_: Mapping[str, str], choice: Choice) -> Iterator[Row]:
    """Every value of a slice in the order in which they were written, from the readers' view."""
    conditions = [*(f"{name} = :{name}" for name in slice_), f"basis = '{LIVE if choice.at is None else REBUILT}'"]
    moments = {"computed_at <= :as_of": choice.as_of, "as_of = :at": choice.at}
    given = {condition: moment for condition, moment in moments.items() if moment is not None}
    conditions += given
    values: dict[str, Any] = {**slice_, **{name.rpartition(":")[2]: moment for name, moment in given.items()}}
    query = text(
        f"SELECT {', '.join(WITH_HISTORY)} FROM kpi_history WHERE {' AND '.join(conditions)} "  # our own names
        "ORDER BY member, period_start, id"
    )
    query = query.bindparams(*(bindparam(name, type_=TYPES["as_of"]) for name in ("as_of", "at") if name in values))
    typed = query.columns(**{name: TYPES[name] for name in WITH_HISTORY})
    found = tx.execute(typed, values, execution_options={"stream_results": True, "yield_per": 1000})
    yield from found.mappings()

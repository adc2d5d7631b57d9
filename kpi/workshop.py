"""The workshop: a DuckDB in which copied columns become facts, cells and values; nothing in it outlives the work."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from kpi.blueprint import tell_connections
from kpi.cells import CELLS, MACROS, Slice, add_up
from kpi.derived import Asked, derive, direct_parts, fill_states, state_parts
from kpi.metric import Metric
from kpi.periods import Period
from kpi.settings import KpiSettings, Reporting
from kpi.values import assemble
from kpi.warehouse import build, files_for, put_rows

Wanted = Mapping[str, tuple[Metric, tuple[Slice, ...]]]
Slicing = Callable[[Metric, Sequence[Period]], tuple[Slice, ...]]
"""Which slices of a metric are wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What DuckDB may use. It spills to the system's temporary folder."""

    threads: int = 2
    memory: str = "1GB"


DEFAULT_LIMITS = Limits()
HOW_MANY = "SELECT coalesce(sum(estimated_size), 0) FROM duckdb_tables() WHERE table_name IN ('deals', 'activities')"
FEW_ROWS = 20_000
"""Deals and activities below which one thread is faster than several, each with hash tables of its own to set up."""


@contextmanager
def workshop(limits: Limits) -> Iterator[tuple[DuckDBPyConnection, Path]]:
    """An empty DuckDB in memory that reaches for nothing but the files in its own folder, and that folder."""
    with tempfile.TemporaryDirectory(prefix="dealmeter-") as folder:
        config: dict[str, Any] = {
            "threads": limits.threads,
            "memory_limit": limits.memory,
            "temp_directory": folder,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
            "checkpoint_threshold": "1TB",  # what lives in memory alone is not to be tidied up in between
        }
        duck = duckdb.connect(":memory:", config=config)
        duck.execute(f"SET allowed_directories = ['{folder}']")
        duck.execute("SET enable_external_access = false")
        try:
            yield duck, Path(folder)
        finally:
            duck.close()


def fill(
    duck: DuckDBPyConnection,
    settings: KpiSettings,
    reporting: Reporting,
    metrics: Mapping[str, Metric],
    missing: Mapping[str, str],
    slicing: Slicing,
    now: datetime,
    *,
    calendar: str | None = None,
    since: date | None = None,
) -> None:
    """Make `kpi_values` from the copied columns: every cell of every metric, as it would be stored.

    `missing` names, by KPI, the source that isn't there. With `calendar` for that one's periods, else for those of the
    settings. With `since` for periods from that day; else from the first event.
    """
    [(rows,)] = duck.execute(HOW_MANY).fetchall()
    if rows < FEW_ROWS:
        duck.execute("SET threads = 1")
    present = {key: metric for key, metric in metrics.items() if key not in missing}
    only = files_for(present.values(), since=since)
    periods = build(duck, settings, reporting, now, metrics=metrics, only=only, calendar=calendar, since=since)
    duck.execute(MACROS)
    duck.execute(CELLS)
    wanted = {key: (metric, slicing(metric, periods)) for key, metric in metrics.items()}
    if any("connection" in one.dimensions for _, ones in wanted.values() for one in ones):
        tell_connections(duck, present)
    _fill_cells(duck, {key: wanted[key] for key in present}, periods)
    _note_slices(duck, wanted)
    assemble(duck, metrics, missing, settings, reporting)


def _fill_cells(duck: DuckDBPyConnection, wanted: Wanted, periods: Sequence[Period]) -> None:
    """Add up every metric in its slices: first what is one fact's, a fact at a time, then what follows."""
    direct = [part for key, (metric, ones) in wanted.items() for part in direct_parts(key, metric, ones)]
    direct.sort(key=lambda one: one[1].fact)
    twins = _twins(periods) if direct else {}
    for _, group in groupby(direct, key=lambda one: one[1].fact):
        add_up(duck, {key: (metric, _by_twins(ones, twins)) for key, metric, ones in group})
    for (calendar, grain), (other, _) in twins.items():
        duck.execute(
            f"INSERT INTO cells SELECT * REPLACE ('{calendar}' AS calendar) FROM cells "
            f"WHERE calendar = '{other}' AND grain = '{grain}' AND kpi_key IN ({', '.join(map(repr, _keys(direct)))})"
        )
    fill_states(duck, (part for key, (metric, ones) in wanted.items() for part in state_parts(key, metric, ones)))
    for key, (metric, ones) in wanted.items():
        derive(duck, key, metric, ones)


Grains = Mapping[tuple[str, str], tuple[str, str]]


def _twins(periods: Sequence[Period]) -> Grains:
    """Grains of a calendar whose periods are those of an earlier one, such as fiscal months: computed once."""
    spans: dict[tuple[str, str], list[tuple[date, date]]] = {}
    for period in periods:
        spans.setdefault((period.calendar, period.grain.value), []).append((period.start, period.end))
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for place, ((calendar, grain), own) in enumerate(spans.items()):
        twin = next((other for other in list(spans)[:place] if other[1] == grain and spans[other] == own), None)
        if twin is not None:
            found[calendar, grain] = twin
    return found


def _by_twins(ones: tuple[Slice, ...], twins: Grains) -> tuple[Slice, ...]:
    """The slices with twin grains in the place of their own, each once."""
    pairs = ((one, twins.get((one.calendar, one.grain), (one.calendar, one.grain))) for one in ones)
    return tuple(dict.fromkeys(replace(one, calendar=calendar) for one, (calendar, _) in pairs))


def _keys(direct: Sequence[Asked]) -> list[str]:
    return [key for key, _, _ in direct]


def _note_slices(duck: DuckDBPyConnection, wanted: Wanted) -> None:
    names = ("kpi_key", "calendar", "grain", "dimension")
    rows = [(key, one.calendar, one.grain, one.dimension) for key, (_, ones) in wanted.items() for one in ones]
    put_rows(duck, "wanted_slices", dict.fromkeys(names, "VARCHAR"), rows)

"""The scoreboard: the main KPIs of the last month that is over, with the month before beside them."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import RenderableType

from dealmeter.show.row import Row
from dealmeter.show.series import last_complete, numbers, period, series
from dealmeter.show.table import table

SCOREBOARD = (
    "revenue",
    "won_deals_count",
    "win_rate",
    "average_deal_size",
    "sales_cycle_length",
    "new_opportunities_count",
    "active_deals_count",
    "open_pipeline_value",
    "sales_activity_count",
    "sales_growth_mom",
)
"""Those that the catalogue has are shown."""
MONTHS = (
    "kpi_key", "period_start", "period_end", "value", "numerator", "denominator", "unit", "currency", "n", "status",
    "is_partial",
)  # fmt: skip
LINE = 12


def scoreboard(rows: Sequence[Row]) -> Iterator[RenderableType]:
    """Totals by month, as one line per KPI."""
    from kpi.catalogue import METRICS

    start = last_complete(rows)
    if start is None:
        yield "no values yet"
        return
    starts = sorted({row["period_start"] for row in rows if row["period_start"] <= start})[-LINE:]
    lines = []
    for key, found in groupby(rows, lambda row: row["kpi_key"]):
        for one in series(list(found)):
            value = one.at(start)
            if value is not None:
                lines.append([METRICS[key].card.names.en, *numbers(one, value, brief=True), one.line(starts)])
    month = period(next(row for row in rows if row["period_start"] == start))
    before = period(next(row for row in rows if row["period_start"] == starts[-2])) if len(starts) > 1 else "before"
    headings = ("KPI", month, before, "change", "n", f"{len(starts)} months")
    yield table(headings, lines, right=headings[1:5], spare=(headings[5], before))

"""The records behind a value."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

from dealmeter.cli.periods import chosen
from dealmeter.cli.terminal import Terminal
from dealmeter.errors import UsageError
from dealmeter.show.number import plain
from dealmeter.show.table import table
from kpi.metric import Metric
from kpi.records import Part, Wanted, behind
from kpi.settings import KpiSettings, resolve
from kpi.source import accounts
from store.database import Database

COLUMNS = ("connection", "record", "day", "numerator", "denominator", "value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which value; the running period where `period` is None, of a month where `grain` is None too."""

    metric: Metric
    period: str | None
    grain: str | None
    calendar: str
    dimension: str
    member: str | None
    limit: int


def show(terminal: Terminal, database: Database, settings: KpiSettings, asked: Asked, now: datetime) -> None:
    """Print them, the largest first."""
    if bool(asked.dimension) != (asked.member is not None):
        raise UsageError("--by and --member go together", hint="`--by owner --member hubspot-main:42`, say")
    reporting = resolve(settings, accounts(database))
    today = now.astimezone(reporting.zone).date()
    period = chosen(asked.period, asked.grain, name=asked.calendar, settings=settings, reporting=reporting, today=today)
    card = asked.metric.card
    wanted = Wanted(
        key=card.key, day=period.day, grain=period.grain, dimension=asked.dimension, member=asked.member or ""
    )
    try:
        with behind(database, settings, now=now, calendar=asked.calendar) as look:
            found = look(wanted)
    except ValueError as error:
        raise UsageError(str(error), hint=f"`dealmeter kpi explain {card.key}` tells what it is made of") from None
    of = f", {asked.dimension} {asked.member}" if asked.dimension else ""
    terminal.show(f"{card.names.en} ({card.key}), {period.grain} {period.name}{of}: {card.formula}")
    shown = [_line(part) for part in found[: asked.limit]]
    terminal.show(table(COLUMNS, shown, right=COLUMNS[3:]) if shown else "no records stand behind it")
    if len(found) > asked.limit:
        terminal.show(f"{len(found) - asked.limit:,} more: --limit {len(found)} shows them all")
    sums = [
        f"{side} {plain(total)}" for side in ("numerator", "denominator") if (total := _total(found, side)) is not None
    ]
    terminal.show(f"{len(found):,} records: {', '.join(sums)}" if sums else f"{len(found):,} records")
    terminal.document(
        "kpi-records/1",
        {
            "kpi_key": card.key,
            "calendar": asked.calendar,
            "grain": wanted.grain,
            "day": wanted.day,
            "dimension": asked.dimension,
            "member": asked.member,
            "records": [asdict(part) for part in found],
        },
    )


def _total(found: Sequence[Part], side: str) -> Decimal | None:
    known = [getattr(part, side) for part in found if getattr(part, side) is not None]
    return sum(known, Decimal(0)) if known else None


def _line(part: Part) -> list[str]:
    numbers = (part.numerator, part.denominator, part.value)
    return [part.connection, part.id, f"{part.day}", *("" if one is None else plain(one) for one in numbers)]

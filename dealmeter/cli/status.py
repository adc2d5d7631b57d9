"""`dealmeter status`: is everything well, how fresh are the data, when is the next run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dealmeter.cli.errors import HANDLED, OK
from dealmeter.cli.invocation import Invocation, command
from dealmeter.cli.opened import configured, for_reading
from dealmeter.cli.terminal import Terminal
from dealmeter.show.row import Row

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dealmeter.config import Configured, ConnectionSettings

GOOD = ("ok", "partial")
FAILING = ("failed", "interrupted")


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "status")
    def status(
        invocation: Invocation,
        exit_code: Annotated[
            bool, typer.Option("--exit-code", help="Leave with 1 where a connection fails, is paused or is late.")
        ] = False,
    ) -> int:
        """Tell how fresh the data are, and what is wrong.

        For each connection its state, its last good run, when it is due, its rows, and what could not be used.
        """
        settings = configured(invocation)
        now = invocation.clock.now()
        with for_reading(settings) as database, database.read() as tx:
            states = [_state(tx, connection, now) for connection in settings.config.connections]
            kpis = _kpis(tx)
        _show(Terminal(invocation), settings, states, kpis, now)
        return HANDLED if exit_code and any(state.trouble for state in states) else OK


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How one connection stands."""

    name: str
    last: Row | None
    good: Row | None
    schedule: Row
    due: datetime | None
    rows: Mapping[str, int]
    rejections: int
    now: datetime

    @property
    def trouble(self) -> str:
        """What is wrong, in a word; empty where all is well."""
        if self.schedule.get("paused_reason"):
            return "paused"
        if self.last is None:
            return "never synced"
        if self.last["outcome"] in FAILING:
            return "failing"
        return "late" if self.is_late else ""

    @property
    def is_late(self) -> bool:
        """Whether two runs that were due have not been."""
        if self.due is None or self.last is None:
            return False
        late: bool = self.now > self.due + (self.due - self.last["started_at"])
        return late


def _state(tx: "Connection", connection: "ConnectionSettings", now: datetime) -> State:
    from store.reads import count_rejections, last_run, row_counts, schedules

    schedule: Row = schedules(tx).get(connection.name, {})
    return State(
        name=connection.name,
        last=last_run(tx, connection.name),
        good=last_run(tx, connection.name, outcomes=GOOD),
        schedule=schedule,
        due=_due(connection, schedule),
        rows=row_counts(tx, connection.name),
        rejections=count_rejections(tx, connection.name),
        now=now,
    )


def _due(connection: "ConnectionSettings", schedule: Row) -> datetime | None:
    """When the daemon would run it next; None before its first run and while it is paused."""
    last = schedule.get("last_started_at")
    if last is None or schedule.get("paused_reason"):
        return None
    every = connection.schedule.interval
    due: datetime | None = last + every if every is not None else _next_by_cron(connection, last)
    not_before = schedule.get("not_before")
    return max(due, not_before) if due is not None and not_before is not None else due


def _next_by_cron(connection: "ConnectionSettings", last: datetime) -> datetime | None:
    from apscheduler.triggers.cron import CronTrigger

    trigger = CronTrigger.from_crontab(connection.schedule.cron, timezone=connection.schedule.zone)
    found: datetime | None = trigger.get_next_fire_time(last, last)
    return found


def _kpis(tx: "Connection") -> Row | None:
    from store.snapshots import last_run

    return last_run(tx)


def _show(terminal: Terminal, settings: "Configured", states: list[State], kpis: Row | None, now: datetime) -> None:
    from dealmeter.show.table import table, toned
    from dealmeter.show.time import moment, span

    rows = [
        (
            state.name,
            toned(state.trouble or (state.last or {})["outcome"]),
            f"{span(now - state.good['finished_at'])} ago" if state.good else "",
            moment(state.due),
            f"{sum(state.rows.values()):,}",
            f"{state.rejections:,}" if state.rejections else "",
        )
        for state in states
    ]
    columns = ("connection", "state", "fresh", "due (UTC)", "rows", "rejected")
    terminal.show(table(columns, rows, right=("rows", "rejected")) if rows else "no connections yet")
    for state in states:
        for line in _explained(state):
            terminal.show(line)
    if kpis is None:
        terminal.show("KPIs: not computed yet")
    else:
        terminal.show(f"KPIs: computed {span(now - kpis['computed_at'])} ago, {kpis['values_checked']:,} values")
    terminal.document(
        "status/1",
        {
            "now": now,
            "database": _address(settings),
            "connections": [_document(state) for state in states],
            "kpis": dict(kpis) if kpis is not None else None,
        },
    )


def _explained(state: State) -> list[str]:
    paused, last = state.schedule.get("paused_reason"), state.last or {}
    if paused:
        hint = state.schedule.get("paused_hint")
        return [f"{state.name}: paused: {paused}", *([f"  what to do: {hint}"] if hint else [])]
    if state.trouble == "never synced":
        return [f"{state.name}: never synced: run `dealmeter sync {state.name}`, or `dealmeter run` for the schedule"]
    if last.get("error"):
        hint = last.get("hint")
        return [f"{state.name}: run {last['id']}: {last['error']}", *([f"  what to do: {hint}"] if hint else [])]
    return []


def _document(state: State) -> dict[str, Any]:
    return {
        "connection": state.name,
        "trouble": state.trouble,
        "last_run": dict(state.last) if state.last is not None else None,
        "fresh_as_of": state.good["as_of"] if state.good is not None else None,
        "last_good_at": state.good["finished_at"] if state.good is not None else None,
        "due_at": state.due,
        "paused_reason": state.schedule.get("paused_reason"),
        "rows": dict(state.rows),
        "open_rejections": state.rejections,
    }


def _address(settings: "Configured") -> str:
    from dealmeter.config.dump import without_password

    return without_password(settings.config.database.url)

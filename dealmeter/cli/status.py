"""`dealmeter status`: is everything well, how fresh are the data, when is the next run."""

from collections.abc import Mapping, Sequence
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
UNREAD = ("failed", "skipped")


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "status")
    def status(
        invocation: Invocation,
        exit_code: Annotated[
            bool, typer.Option("--exit-code", help="Leave with 1 where a connection fails or is late, or the KPIs are.")
        ] = False,
    ) -> int:
        """Tell how fresh the data are, and what is wrong.

        For each connection its state, its last good run, when it is due, its rows, and what could not be used.
        """
        settings = configured(invocation)
        now = invocation.clock.now()
        with for_reading(settings) as database, database.read() as tx:
            states = [_state(tx, connection, now) for connection in settings.config.connections]
            kpis = _kpis(tx, states, now)
        _show(Terminal(invocation), settings, states, kpis, now)
        return HANDLED if exit_code and any([kpis.trouble, *(state.trouble for state in states)]) else OK


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How one connection stands."""

    name: str
    last: Row | None
    streams: Sequence[Row]
    good: Row | None
    is_held: bool
    schedule: Row
    due: datetime | None
    late: datetime | None
    rows: Mapping[str, int]
    rejections: int
    compared: Sequence[Row]
    events: Sequence[Row]
    now: datetime

    @property
    def trouble(self) -> str:
        """What is wrong, in a word; empty where all is well."""
        if self.schedule.get("paused_reason"):
            return "paused"
        if self.last is None:
            return "never synced"
        if self.last["outcome"] == "running" and not self.is_held:
            return "interrupted (process gone)"
        if self.last["outcome"] in FAILING:
            return "failing"
        if self.last["outcome"] in GOOD and self.read_nothing:
            return "nothing read"
        return "late" if self.is_late else "differs" if self.differing else ""

    @property
    def differing(self) -> Sequence[str]:
        """Where our numbers and the CRM's differed when they were last compared, in sentences."""
        from store.differences import of_row

        found = [of_row(row) for row in self.compared]
        return [str(each) for each in found if each.is_real]

    @property
    def read_nothing(self) -> bool:
        """Whether every stream of the last run was skipped or failed."""
        return bool(self.streams) and all(stream["outcome"] in UNREAD for stream in self.streams)

    @property
    def is_late(self) -> bool:
        """Whether two runs that were due have not been."""
        return self.late is not None and self.now > self.late


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpis:
    """How the KPIs stand: their newest run, and what is wrong, in a word."""

    last: Row | None
    trouble: str


def _state(tx: "Connection", connection: "ConnectionSettings", now: datetime) -> State:
    from dealmeter.service.freshness import due_at, late_at
    from store import differences, drift
    from store.reads import count_rejections, last_run, row_counts, run, schedules

    schedule: Row = schedules(tx).get(connection.name, {})
    last = last_run(tx, connection.name)
    found = run(tx, last["id"]) if last is not None else None
    return State(
        name=connection.name,
        last=last,
        streams=[stream for stream in found[1] if stream["stream"] != "account"] if found is not None else (),
        is_held=connection.name in _held(tx, now),
        good=last_run(tx, connection.name, outcomes=GOOD),
        schedule=schedule,
        due=due_at(connection.schedule, schedule),
        late=late_at(connection.schedule, schedule),
        rows=row_counts(tx, connection.name),
        rejections=count_rejections(tx, connection.name),
        compared=differences.last(tx, connection.name),
        events=drift.events(tx, connection.name, since=now - drift.RECENT, limit=5),
        now=now,
    )


def _kpis(tx: "Connection", states: Sequence[State], now: datetime) -> Kpis:
    """They are behind where a good run has ended since, unless something under way will compute them."""
    from store.snapshots import last_run

    last, synced = last_run(tx), [state.good["finished_at"] for state in states if state.good is not None]
    if _held(tx, now):
        return Kpis(last=last, trouble="")
    if last is None:
        return Kpis(last=None, trouble="not computed")
    if synced and last["computed_at"] < max(synced):
        return Kpis(last=last, trouble="behind")
    return Kpis(last=last, trouble="contradictory" if last["broken"] else "")


def _held(tx: "Connection", now: datetime) -> set[str]:
    """The connections whose lease somebody holds who lives, as far as we can tell."""
    from sqlalchemy import select

    from store.leases import LEASES
    from sync.holder import is_dead

    found = tx.execute(select(LEASES).where(LEASES.c.holder != "", LEASES.c.expires_at > now)).mappings()
    return {lease["connection"] for lease in found if not is_dead(lease["holder"])}


def _show(terminal: Terminal, settings: "Configured", states: list[State], kpis: Kpis, now: datetime) -> None:
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
    shown = table(columns, rows, right=("rows", "rejected"), spare=("due (UTC)", "rows"))
    terminal.show(shown if rows else "no connections yet")
    for state in states:
        for line in (*_explained(state), *_differing(state), *_drifted(state)):
            terminal.show(line)
    if kpis.last is None:
        terminal.show("KPIs: not computed yet: run `dealmeter kpi compute`")
    else:
        behind = "; a sync has ended since: run `dealmeter kpi compute`" if kpis.trouble == "behind" else ""
        age = span(now - kpis.last["computed_at"])
        terminal.show(f"KPIs: computed {age} ago, {kpis.last['values_checked']:,} values{behind}")
        for broken in kpis.last["broken"] or ():
            terminal.show(f"  the KPIs contradict each other: {broken}")
    terminal.document(
        "status/1",
        {
            "now": now,
            "database": _address(settings),
            "connections": [_document(state) for state in states],
            "kpis": dict(kpis.last) if kpis.last is not None else None,
            "kpis_trouble": kpis.trouble,
        },
    )


def _explained(state: State) -> list[str]:
    paused, last = state.schedule.get("paused_reason"), state.last or {}
    if paused:
        hint = state.schedule.get("paused_hint")
        return [f"{state.name}: paused: {paused}", *([f"  what to do: {hint}"] if hint else [])]
    if state.trouble == "never synced":
        return [f"{state.name}: never synced: run `dealmeter sync {state.name}`, or `dealmeter run` for the schedule"]
    if state.trouble.startswith("interrupted"):
        return [f"{state.name}: run {last['id']}: its process is gone; the next run goes on from the last page"]
    if last.get("error"):
        hint = last.get("hint")
        return [f"{state.name}: run {last['id']}: {last['error']}", *([f"  what to do: {hint}"] if hint else [])]
    return []


def _differing(state: State) -> list[str]:
    found = [f"{state.name}: {each}" for each in state.differing]
    return [*found, f"  what to do: run `dealmeter reconcile {state.name} --repair`"] if found else []


def _drifted(state: State) -> list[str]:
    from store.drift import told

    return [f"{state.name}: {event['first_seen_at']:%Y-%m-%d}: {told(event)}" for event in state.events]


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
        "compared": [{name: row[name] for name in row if name != "connection"} for row in state.compared],
        "schema_events": [dict(event) for event in state.events],
    }


def _address(settings: "Configured") -> str:
    from dealmeter.config.dump import without_password

    return without_password(settings.config.database.url)

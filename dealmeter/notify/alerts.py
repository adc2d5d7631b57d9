"""When people are told: at the first failure and at recovery, and in between more and more rarely."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from connectors.errors import ActionNeededError, MissingScopeError, ShrunkError
from dealmeter.show.time import span
from store import notices
from store.differences import Compared
from sync.cycle import CycleOutcome
from sync.outcome import FAILED, STOPPED, RunOutcome, trouble

REMINDERS = (timedelta(hours=1), timedelta(hours=4), timedelta(days=1))
"""How long after the last word the next one comes; the last of them over and over."""
FAILURE, STALE, CONTRADICTION, DIFFERENCE, LOST = "failed", "stale", "contradiction", "difference", "lost"
SCHEMA = "schema_changed"


def observe(tx: Connection, outcome: CycleOutcome, now: datetime) -> None:
    """Put into the outbox what a run's end is worth. A run that was asked to stop is worth nothing."""
    run = outcome.run
    observe_trouble(tx, run, now)
    if run.outcome in {STOPPED, FAILED}:
        return
    words = {FAILURE: "syncs again", STALE: "is fresh again"}
    for kind in (FAILURE, STALE):
        _recovered(tx, run.connection, kind, words[kind], now)
    _missing(tx, run, now)
    if outcome.computation is not None:
        observe_kpis(tx, run.connection, outcome.computation.broken, now)


def observe_trouble(tx: Connection, run: RunOutcome, now: datetime) -> None:
    """What is amiss by a run's end: that it failed, or met another schema. Nothing is found well again."""
    if run.changes:
        _schema(tx, run.connection, [str(change) for change in run.changes], now)
    if run.outcome == FAILED and run.error is not None:
        observe_failure(tx, run.connection, run.error, now)


def observe_failure(tx: Connection, connection: str, error: BaseException, now: datetime) -> None:
    """A run has failed: news if it is the first time, or if the last word about it is long ago."""
    said = trouble(error)
    is_ours = isinstance(error, ActionNeededError) and not isinstance(error, MissingScopeError)
    first = "action_needed" if is_ours else FAILURE
    what = "needs you" if is_ours else "failed"
    content = {"title": f"{connection}: the sync {what}", "text": said.message, "hint": said.hint}
    _raise(tx, connection, FAILURE, content, now, first=first)


def observe_stale(tx: Connection, connection: str, due: datetime, now: datetime) -> None:
    """Two runs that were due have not been."""
    content = {
        "title": f"{connection}: no sync for {span(now - due)} after it was due",
        "text": "",
        "hint": "run `dealmeter status`; look into the service's log for what holds it up",
    }
    _raise(tx, connection, STALE, content, now, first=STALE)


def _schema(tx: Connection, connection: str, changes: Sequence[str], now: datetime) -> None:
    """News, each once: the CRM's schema is as it is, and nothing recovers."""
    content = {
        "title": f"{connection}: the CRM's own schema has changed",
        "text": "\n".join(changes[:10]),
        "hint": "see `dealmeter status`; where a field or a stage is gone, map another one (`dealmeter discover`)",
    }
    notices.post(tx, connection=connection, kind=SCHEMA, at=now, content=content)


def _missing(tx: Connection, run: RunOutcome, now: datetime) -> None:
    """Our numbers differ from the CRM's, or much is gone from it at once."""
    lost = [str(stream.error) for stream in run.streams if isinstance(stream.error, ShrunkError)]
    if lost:
        hint = "see `dealmeter runs show`; check in the CRM that it was meant"
        content = {"title": f"{run.connection}: much is gone at once", "text": "\n".join(lost[:5]), "hint": hint}
        _raise(tx, run.connection, LOST, content, now, first=DIFFERENCE)
    else:
        _recovered(tx, run.connection, LOST, "nothing more is going", now)
    if run.compared is not None:
        observe_differences(tx, run.connection, run.differences, now)


def observe_differences(tx: Connection, connection: str, differences: Sequence[Compared], now: datetime) -> None:
    """What of a whole comparison with the CRM's own totals nothing explains."""
    if not differences:
        _recovered(tx, connection, DIFFERENCE, "our numbers and the CRM's agree again", now)
        return
    content = {
        "title": f"{connection}: our numbers differ from the CRM's own",
        "text": "\n".join(str(each) for each in differences[:5]),
        "hint": f"run `dealmeter reconcile {connection} --repair`",
    }
    _raise(tx, connection, DIFFERENCE, content, now, first=DIFFERENCE)


def observe_kpis(tx: Connection, connection: str, broken: Sequence[str], now: datetime) -> None:
    """The contradictions that a computation found, told of the connection whose run it followed."""
    if not broken:
        _recovered(tx, connection, CONTRADICTION, "the KPIs agree with each other again", now)
        return
    content = {
        "title": f"{connection}: the KPIs contradict each other",
        "text": "; ".join(broken[:5]),
        "hint": "don't rely on these KPIs; run `dealmeter kpi compute`, and report it if it stays",
    }
    _raise(tx, connection, CONTRADICTION, content, now, first=CONTRADICTION)


def _raise(
    tx: Connection, connection: str, kind: str, content: Mapping[str, Any], now: datetime, *, first: str
) -> None:
    known = notices.alerts(tx, connection).get(kind)
    if known is None:
        if notices.raise_alert(tx, connection, kind, at=now):
            notices.post(tx, connection=connection, kind=first, at=now, content=content)
        return
    is_time = now - known["told_at"] >= REMINDERS[min(known["told"], len(REMINDERS)) - 1]
    if notices.repeat_alert(tx, known, told_at=now if is_time else None) and is_time:
        since = f"{known['times'] + 1} times since {known['since']:%Y-%m-%d %H:%M} UTC"
        text = "\n".join(line for line in (since, content["text"]) if line)
        notices.post(tx, connection=connection, kind="repeated", at=now, content={**content, "text": text})


def _recovered(tx: Connection, connection: str, kind: str, what: str, now: datetime) -> None:
    known = notices.alerts(tx, connection).get(kind)
    if known is not None and notices.drop_alert(tx, connection, kind):
        content = {"title": f"{connection}: {what}", "text": f"It was not for {span(now - known['since'])}."}
        notices.post(tx, connection=connection, kind="recovered", at=now, content=content)

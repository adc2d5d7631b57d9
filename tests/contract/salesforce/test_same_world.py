"""One company in two CRMs: what is stored of it is the same, in our words."""

from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.salesforce import ids
from store import migrate
from store.database import Database
from store.records import Activity, Company, Deal, DealStageChange, LineItem, User
from tests.contract.salesforce.rig import SalesforceRig
from tests.contract.salesforce.rig import rig as salesforce
from tests.rig import NOW, Rig
from tests.rig import rig as hubspot

ONLY_IN_SALESFORCE = ("close_date", "owner", "probability")
"""Salesforce insists on the first two, and keeps the probability of stages that were dropped."""


def _second(at: datetime | None) -> datetime | None:
    return at.replace(microsecond=0) if at is not None else None


def _stage(it: Rig, id_: str) -> str:
    """What people call it: HubSpot forgets the names of stages that are dropped."""
    stage = it.sandbox.world.stage(id_)
    return stage.label if stage is not None else id_


def _deals(it: Rig) -> dict[str, dict[str, Any]]:
    users = {row["id"]: row["email"] for row in it.rows(User)}
    firms = {row["id"]: row["name"] for row in it.rows(Company)}
    return {
        row["id"]: {
            "name": row["name"],
            "amount": round(row["amount"], 2) if row["amount"] is not None else None,
            "close_date": row["close_date"],
            "closed_at": _second(row["closed_at"]),
            "created_at": _second(row["created_at"]),
            "stage": _stage(it, row["stage_id"]),
            "closed": (row["is_closed"], row["is_won"]),
            "probability": row["probability"],
            "owner": users.get(row["owner_id"]),
            "company": firms.get(row["company_id"]),
            "lost_reason": row["lost_reason"],
        }
        for row in it.rows(Deal)
    }


def _visits(it: Rig) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in it.rows(DealStageChange):
        entered, exited = _second(row["entered_at"]), _second(row["exited_at"])
        found[row["deal_id"]].append((entered, exited, _stage(it, row["stage_id"])))
    return {id_: sorted(visits, key=str) for id_, visits in found.items()}


def _activities(it: Rig) -> list[str]:
    return sorted(row["type"] for row in it.rows(Activity) if row["type"] in {"call", "email", "meeting", "task"})


def test_hubspot_and_salesforce_tell_the_same_of_the_same_deals(sqlite: Database, tmp_path: Path) -> None:
    world = generate(7, 120, activities_per_deal=2, now=NOW, frozen=True)
    with Database(f"sqlite:///{tmp_path / 'other.db'}") as other:
        migrate.upgrade(other)
        with hubspot(sqlite, world=world) as one, salesforce(other, world=world) as two:
            assert one.sync().outcome == "ok"
            assert two.sync().outcome == "ok"
            _compare(one, two)


def _compare(one: Rig, two: SalesforceRig) -> None:
    of = {id_: ids.text("006", int(id_)) for id_ in _deals(one)}
    theirs, ours = _deals(one), _deals(two)
    assert {of[id_] for id_ in theirs} == set(ours)
    for id_, deal in theirs.items():
        unknown = [name for name in ONLY_IN_SALESFORCE if deal[name] is None]
        assert deal == {**ours[of[id_]], **dict.fromkeys(unknown)}, id_
    assert {of[id_]: visits for id_, visits in _visits(one).items()} == _visits(two)
    assert one.count(LineItem) == two.count(LineItem)
    assert _activities(one) == _activities(two)

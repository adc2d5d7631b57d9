"""What changes, and how Salesforce tells: stamps, deletions, merges, late commits, formulas and histories."""

from datetime import timedelta
from itertools import pairwise

import pytest

from dealmeter.sandbox.record import Kind
from dealmeter.sandbox.salesforce import SalesforceSandbox

from .api import Salesforce

NOW, LATER = "2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z"
SINCE = f"SystemModstamp >= {NOW}"


@pytest.fixture
def first(sf: Salesforce) -> str:
    return sf.ids("SELECT Id FROM Opportunity ORDER BY Id LIMIT 1")[0]


def test_an_edit_moves_the_stamp(sf: Salesforce, first: str) -> None:
    assert sf.ids(f"SELECT Id FROM Opportunity WHERE {SINCE}") == []
    fields = {"Amount": "12.50", "StageName": "Closed Won", "CloseDate": "2026-11-20"}
    sf.control("update", {"id": first, "fields": fields})
    (row,) = sf.rows(f"SELECT Id, Amount, IsWon, CloseDate, SystemModstamp FROM Opportunity WHERE {SINCE}")
    assert row == {
        "Id": first,
        "Amount": 12.5,
        "IsWon": True,
        "CloseDate": "2026-11-20",
        "SystemModstamp": "2026-11-21T12:00:00.000+0000",
    }


def test_a_deleted_one_is_for_query_all_and_comes_back(sf: Salesforce, first: str) -> None:
    sf.control("delete", {"id": first})
    assert first not in sf.ids("SELECT Id FROM Opportunity")
    rows = sf.rows(f"SELECT Id, IsDeleted FROM Opportunity WHERE {SINCE}", "queryAll")
    assert rows == [{"Id": first, "IsDeleted": True}]
    assert sf.rows(f"SELECT Id FROM OpportunityHistory WHERE OpportunityId = '{first}'", "queryAll") == []
    sf.control("advance", {"seconds": 60})
    sf.control("undelete", {"id": first})
    back = sf.rows(f"SELECT Id, IsDeleted, SystemModstamp FROM Opportunity WHERE {SINCE}")
    assert back == [{"Id": first, "IsDeleted": False, "SystemModstamp": "2026-11-21T12:01:00.000+0000"}]
    assert sf.rows(f"SELECT Id FROM OpportunityHistory WHERE OpportunityId = '{first}'")


def test_line_items_go_with_their_opportunity(sf: Salesforce) -> None:
    line = sf.rows("SELECT Id, OpportunityId FROM OpportunityLineItem LIMIT 1")[0]
    sf.control("delete", {"id": line["OpportunityId"]})
    assert line["Id"] not in sf.ids("SELECT Id FROM OpportunityLineItem")
    assert line["Id"] in sf.ids("SELECT Id FROM OpportunityLineItem WHERE IsDeleted = true", "queryAll")


def test_updated_and_deleted_name_ids_within_a_window(sf: Salesforce) -> None:
    edited, gone, purged = sf.ids("SELECT Id FROM Opportunity ORDER BY Id LIMIT 3")
    sf.control("update", {"id": edited, "fields": {"Name": "x"}})
    sf.control("delete", {"ids": [gone, purged]})
    sf.control("purge", {"id": purged})
    sf.control("advance", {"seconds": 7200})
    window = {"start": "2026-11-21T11:00:30+00:00", "end": LATER}
    updated = sf.get("/sobjects/Opportunity/updated/", **window).json
    assert updated == {"ids": [edited], "latestDateCovered": "2026-11-21T13:00:00.000+0000"}
    deleted = sf.get("/sobjects/Opportunity/deleted/", **window).json
    assert {entry["id"] for entry in deleted["deletedRecords"]} == {gone, purged}
    assert deleted["deletedRecords"][0]["deletedDate"] == "2026-11-21T12:00:00.000+0000"
    assert deleted["earliestDateAvailable"] == "2026-11-06T14:00:00.000+0000"
    assert purged not in sf.ids("SELECT Id FROM Opportunity", "queryAll")
    assert gone in sf.ids("SELECT Id FROM Opportunity", "queryAll")


@pytest.mark.parametrize(
    ("call", "start", "end", "code"),
    [
        ("updated", NOW, "2026-11-21T12:00:50Z", "INVALID_REPLICATION_DATE"),
        ("updated", "2026-10-21T11:00:00Z", NOW, "INVALID_REPLICATION_DATE"),
        ("deleted", "2026-11-05T12:00:00Z", NOW, "INVALID_REPLICATION_DATE"),
        ("updated", "yesterday", NOW, "INVALID_FIELD"),
    ],
)
def test_windows_have_limits(sf: Salesforce, call: str, start: str, end: str, code: str) -> None:
    reply = sf.get(f"/sobjects/Opportunity/{call}/", start=start, end=end)
    assert (reply.status, reply.json[0]["errorCode"]) == (400, code)


def test_types_outside_the_delete_log(sf: Salesforce) -> None:
    reply = sf.get("/sobjects/OpportunityHistory/deleted", start="2026-11-21T10:00:00Z", end=NOW)
    assert reply.json[0]["errorCode"] == "INVALID_TYPE"


def test_a_merge_leaves_a_loser_with_its_master(sf: Salesforce) -> None:
    found = sf.query("SELECT AccountId, COUNT(Id) n FROM Opportunity WHERE AccountId != null GROUP BY AccountId").json
    master, loser = [record["AccountId"] for record in found["records"]][:2]
    moved = sf.ids(f"SELECT Id FROM Opportunity WHERE AccountId = '{loser}'")
    sf.control("merge", {"master": master, "losers": [loser]})
    (row,) = sf.rows(f"SELECT Id, IsDeleted, MasterRecordId FROM Account WHERE Id = '{loser}'", "queryAll")
    assert row == {"Id": loser, "IsDeleted": True, "MasterRecordId": master}
    assert set(moved) <= set(sf.ids(f"SELECT Id FROM Opportunity WHERE AccountId = '{master}' AND {SINCE}"))
    assert sf.ids(f"SELECT Id FROM Opportunity WHERE AccountId = '{loser}'") == []


def test_a_transaction_shows_late_behind_the_cursor(sf: Salesforce, org: SalesforceSandbox, first: str) -> None:
    org.set_commit_delay(timedelta(minutes=5))
    old = sf.rows(f"SELECT Name FROM Opportunity WHERE Id = '{first}'")[0]["Name"]
    sf.control("update", {"id": first, "fields": {"Name": "late"}})
    sf.control("advance", {"seconds": 240})
    assert sf.ids(f"SELECT Id FROM Opportunity WHERE {SINCE}") == []
    assert sf.rows(f"SELECT Name FROM Opportunity WHERE Id = '{first}'") == [{"Name": old}]
    window = {"start": "2026-11-21T11:00:00Z", "end": "2026-11-21T12:04:00Z"}
    covered = sf.get("/sobjects/Opportunity/updated", **window).json
    assert covered == {"ids": [], "latestDateCovered": "2026-11-21T12:00:00.000+0000"}
    sf.control("advance", {"seconds": 60})
    (row,) = sf.rows(f"SELECT Name, SystemModstamp FROM Opportunity WHERE {SINCE}")
    assert row == {"Name": "late", "SystemModstamp": "2026-11-21T12:00:00.000+0000"}


def test_formulas_change_without_a_stamp(sf: Salesforce) -> None:
    soql = "SELECT Id, Score__c, SystemModstamp FROM Opportunity ORDER BY Id"
    before = sf.rows(soql)
    sf.control("recalculate", {"seed": 99})
    after = sf.rows(soql)
    assert [row["SystemModstamp"] for row in before] == [row["SystemModstamp"] for row in after]
    assert sum(one["Score__c"] != two["Score__c"] for one, two in zip(before, after, strict=True)) > 60
    fields = {field["name"]: field for field in sf.get("/sobjects/Opportunity/describe").json["fields"]}
    assert fields["Score__c"]["calculated"] is True


def test_history_tells_every_step_of_every_opportunity(sf: Salesforce, org: SalesforceSandbox) -> None:
    rows = sf.rows("SELECT OpportunityId, StageName, Amount, CreatedDate, PrevAmount FROM OpportunityHistory "
                   "ORDER BY OpportunityId, CreatedDate, Id")  # fmt: skip
    by_deal: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        by_deal.setdefault(row["OpportunityId"], []).append(row)
    now = {row["Id"]: row for row in sf.rows("SELECT Id, StageName, Amount FROM Opportunity")}
    assert set(by_deal) == set(now)
    for id, steps in by_deal.items():
        assert (steps[-1]["StageName"], steps[-1]["Amount"]) == (now[id]["StageName"], now[id]["Amount"])
        assert all(later["PrevAmount"] == earlier["Amount"] for earlier, later in pairwise(steps))
    for deal in org.world.tables[Kind.DEAL].live:
        walked = [org.world.stage(change.value) for change in deal.changes("stage")]
        told = [step["StageName"] for step in by_deal[org.edits.id("Opportunity", Kind.DEAL, deal.id)]]
        assert [told[0], *(two for one, two in pairwise(told) if one != two)] == [s.label for s in walked if s]


def test_a_stage_move_adds_history_rows_and_keeps_the_old(sf: Salesforce, first: str) -> None:
    soql = f"SELECT Id, StageName FROM OpportunityHistory WHERE OpportunityId = '{first}' ORDER BY CreatedDate, Id"
    before = sf.rows(soql)
    sf.control("update", {"id": first, "fields": {"StageName": "On hold"}})
    after = sf.rows(soql)
    assert after[:-1] == before
    assert after[-1]["StageName"] == "On hold"
    (field,) = sf.rows(f"SELECT Field, NewValue FROM OpportunityFieldHistory WHERE OpportunityId = '{first}' "
                       f"AND CreatedDate >= {NOW}")  # fmt: skip
    assert field == {"Field": "StageName", "NewValue": "On hold"}


def test_archived_activities_are_for_query_all(sf: Salesforce) -> None:
    shown, everything = sf.ids("SELECT Id FROM Task"), sf.rows("SELECT Id, IsArchived, IsClosed FROM Task", "queryAll")
    archived = {row["Id"] for row in everything if row["IsArchived"]}
    assert archived
    assert set(shown) == {row["Id"] for row in everything} - archived
    assert all(row["IsClosed"] for row in everything if row["IsArchived"])


def test_activities_have_their_subtypes(sf: Salesforce, org: SalesforceSandbox) -> None:
    groups = sf.query("SELECT TaskSubtype, COUNT(Id) n FROM Task GROUP BY TaskSubtype", None, "queryAll").json[
        "records"
    ]
    counts = {group["TaskSubtype"]: group["n"] for group in groups}
    tables = org.world.tables
    assert counts["Call"] == len(tables[Kind.CALL].live)
    assert counts["Email"] == len(tables[Kind.EMAIL].live)
    assert counts["Task"] == len(tables[Kind.TASK].live) + len(tables[Kind.MESSAGE].live)
    assert len(sf.ids("SELECT Id FROM Event", "queryAll")) == len(tables[Kind.MEETING].live)


def test_a_new_contact_role_has_the_stamp_of_its_day(sf: Salesforce, first: str) -> None:
    contact = sf.ids("SELECT Id FROM Contact ORDER BY Id DESC LIMIT 1")[0]
    assert sf.ids(f"SELECT Id FROM OpportunityContactRole WHERE {SINCE}") == []
    sf.control("associate", {"id": first, "to": contact})
    rows = sf.rows(f"SELECT OpportunityId, ContactId FROM OpportunityContactRole WHERE {SINCE}")
    assert rows == [{"OpportunityId": first, "ContactId": contact}]


def test_what_is_not_shared_is_in_no_query_with_all_that_hangs_on_it_and_comes_back_as_it_was(sf: Salesforce) -> None:
    first = sf.ids("SELECT Id FROM Opportunity WHERE HasOpportunityLineItem = true ORDER BY Id LIMIT 1")[0]
    of = f"WHERE OpportunityId = '{first}'"
    asked = [
        f"SELECT Id, SystemModstamp FROM Opportunity WHERE Id = '{first}'",
        *(f"SELECT Id, CreatedDate FROM {name} {of}" for name in ("OpportunityHistory", "OpportunityLineItem")),
        f"SELECT Id, SystemModstamp FROM OpportunityContactRole {of}",
    ]
    before = [sf.rows(soql, "queryAll") for soql in asked]
    assert all(before)
    sf.control("unshare", {"id": first})
    assert [sf.rows(soql, "queryAll") for soql in asked] == [[]] * len(asked)
    assert first not in sf.ids("SELECT Id FROM Opportunity")
    sf.control("share", {"id": first})
    assert [sf.rows(soql, "queryAll") for soql in asked] == before

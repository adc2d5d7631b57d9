"""Bulk 2.0 query jobs and their CSV."""

import csv
import io
from typing import Any

import pytest

from dealmeter.sandbox.salesforce import SalesforceSandbox

from .api import Salesforce

JOBS = "/jobs/query"
SOQL = "SELECT Id, Name, Amount, SystemModstamp, IsWon, Probability, CloseDate, Owner.Name FROM Opportunity"


def _create(sf: Salesforce, soql: str = SOQL, **more: str) -> Any:
    reply = sf.post(JOBS, {"operation": "query", "query": soql, **more})
    assert reply.status == 200, reply.data
    return reply.json


def _states(sf: Salesforce, id: str, looks: int = 2) -> list[str]:
    return [sf.get(f"{JOBS}/{id}").json["state"] for _ in range(looks)]


def _rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def test_a_job_goes_its_way(sf: Salesforce) -> None:
    job = _create(sf)
    assert (job["state"], job["object"], job["contentType"]) == ("UploadComplete", "Opportunity", "CSV")
    early = sf.get(f"{JOBS}/{job['id']}/results")
    assert (early.status, early.json[0]["errorCode"]) == (400, "INVALIDJOBSTATE")
    assert _states(sf, job["id"]) == ["InProgress", "JobComplete"]
    done = sf.get(f"{JOBS}/{job['id']}").json
    assert (done["jobType"], done["numberRecordsProcessed"]) == ("V2Query", 120)
    listed = sf.get(JOBS, jobType="V2Query").json
    assert [entry["id"] for entry in listed["records"]] == [job["id"]]
    assert sf.ask("DELETE", f"{JOBS}/{job['id']}").status == 204
    assert sf.get(f"{JOBS}/{job['id']}").status == 404


def test_csv_says_the_same_as_the_query(sf: Salesforce) -> None:
    job = _create(sf)
    _states(sf, job["id"])
    reply = sf.get(f"{JOBS}/{job['id']}/results")
    assert reply.headers["Sforce-Locator"] == "null"
    assert reply.headers["Sforce-NumberOfRecords"] == "120"
    head, *rows = _rows(reply.data)
    assert head == ["Id", "Name", "Amount", "SystemModstamp", "IsWon", "Probability", "CloseDate", "Owner.Name"]
    known = {row["Id"]: row for row in sf.rows(SOQL)}
    assert len(rows) == len(known)
    assert [row[0] for row in rows] != sorted(known)
    for id, name, amount, at, won, probability, close, owner in rows:
        row = known[id]
        assert (name, close, owner) == (row["Name"], row["CloseDate"], row["Owner"]["Name"])
        assert (float(amount) if amount else None) == row["Amount"]
        assert at == row["SystemModstamp"].replace("+0000", "Z")
        assert won == str(row["IsWon"]).lower()
        assert float(probability) == row["Probability"]


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_pages_have_their_own_header_and_can_be_read_again(sf: Salesforce, encoding: str) -> None:
    id = _create(sf, "SELECT Id FROM Opportunity")["id"]
    _states(sf, id)
    seen, locator = list[str](), ""
    while locator != "null":
        more = {"locator": locator} if locator else {}
        reply = sf.get(f"{JOBS}/{id}/results", {"Accept-Encoding": encoding}, maxRecords="50", **more)
        assert reply.data == sf.get(f"{JOBS}/{id}/results", maxRecords="50", **more).data
        head, *rows = _rows(reply.data)
        assert head == ["Id"]
        assert len(rows) == int(reply.headers["Sforce-NumberOfRecords"])
        seen += [row[0] for row in rows]
        locator = reply.headers["Sforce-Locator"]
    assert sorted(seen) == sf.ids("SELECT Id FROM Opportunity ORDER BY Id")


def test_odd_values_survive_in_quotes(sf: Salesforce) -> None:
    odd = ["N/A", 'say "hi"', "two\r\nlines,\tand", "nul\x00byte", "007", "🚀 قرارداد", "x" * 130_000]
    for name in odd:
        sf.control("create", {"fields": {"Name": name}})
    id = _create(sf, "SELECT Name, Amount FROM Opportunity WHERE Amount = null", lineEnding="CRLF")["id"]
    _states(sf, id)
    data = sf.get(f"{JOBS}/{id}/results").data
    assert data.startswith(b'"Name","Amount"\r\n')
    csv.field_size_limit(200_000)
    found = [row[0] for row in _rows(data.replace(b"\x00", b"<nul>"))]
    assert set(found) >= {name.replace("\x00", "<nul>") for name in odd}
    assert b'""\r\n' in data


def test_old_versions_sort_the_columns_and_have_no_result_pages(sf: Salesforce) -> None:
    old = "/services/data/v49.0/jobs/query"
    job = sf.post(old, {"operation": "query", "query": "SELECT Name, Id, Amount FROM Opportunity"}).json
    for _ in range(2):
        sf.get(f"{old}/{job['id']}")
    reply = sf.get(f"{old}/{job['id']}/results")
    assert _rows(reply.data)[0] == ["Amount", "Id", "Name"]
    assert sf.get(f"{old}/{job['id']}/resultPages").status == 404
    assert sf.get(f"{JOBS}/{job['id']}/results").status == 409


def test_result_pages_come_five_at_a_time(sf: Salesforce, org: SalesforceSandbox) -> None:
    org.behaviour.bulk_rows = 20
    id = _create(sf, "SELECT Id FROM Opportunity")["id"]
    _states(sf, id)
    first = sf.get(f"{JOBS}/{id}/resultPages").json
    assert (len(first["resultPages"]), first["done"]) == (5, False)
    second = sf.get(first["nextRecordsUrl"]).json
    assert (len(second["resultPages"]), second["done"]) == (1, True)
    pages = [sf.get(page["resultUrl"]) for page in first["resultPages"] + second["resultPages"]]
    ids = [row[0] for page in pages for row in _rows(page.data)[1:]]
    assert sorted(ids) == sf.ids("SELECT Id FROM Opportunity ORDER BY Id")


@pytest.mark.parametrize(
    ("soql", "code", "words"),
    [
        ("SELECT COUNT(Id) FROM Opportunity", "API_ERROR", "not supported in Bulk Query"),
        ("SELECT Id FROM Opportunity LIMIT 5 OFFSET 5", "API_ERROR", "OFFSET"),
        ("SELECT BillingAddress FROM Account", "API_ERROR", "Selecting compound data not supported in Bulk Query"),
        ("SELECT Id FROM LeadStatus", "INVALIDENTITY", "Entity 'LeadStatus' is not supported by the Bulk API."),
        ("SELECT Nope FROM Opportunity", "INVALID_FIELD", "No such column 'Nope'"),
        ("SELECT Id FROM Opportunity WHERE Nope = 1", "INVALID_FIELD", "No such column 'Nope'"),
        ("SELECT Id FROM", "MALFORMED_QUERY", "unexpected token"),
    ],
)
def test_what_bulk_refuses(reading: Salesforce, soql: str, code: str, words: str) -> None:
    reply = reading.post(JOBS, {"operation": "query", "query": soql})
    assert (reply.status, reply.json[0]["errorCode"]) == (400, code)
    assert words in reply.json[0]["message"]


def test_jobs_get_stuck_fail_are_aborted_and_purged(sf: Salesforce, org: SalesforceSandbox) -> None:
    org.behaviour.bulk_fates = ["stuck", "failed", "failed_silent", "aborted", "purged"]
    stuck, failed, silent, aborted, purged = (_create(sf)["id"] for _ in range(5))
    assert _states(sf, stuck, 9)[-1] == "InProgress"
    assert [_states(sf, id)[-1] for id in (failed, silent, aborted)] == ["Failed", "Failed", "Aborted"]
    assert "fifteen times" in sf.get(f"{JOBS}/{failed}").json["errorMessage"]
    assert "errorMessage" not in sf.get(f"{JOBS}/{silent}").json
    assert _states(sf, purged)[-1] == "JobComplete"
    assert sf.get(f"{JOBS}/{purged}/results").status == 404
    assert sf.ask("DELETE", f"{JOBS}/{stuck}").json[0]["errorCode"] == "INVALIDJOBSTATE"
    assert sf.ask("PATCH", f"{JOBS}/{stuck}", b'{"state":"Aborted"}').json["state"] == "Aborted"
    assert sf.ask("PATCH", f"{JOBS}/{stuck}", b'{"state":"Aborted"}').status == 400
    sf.control("advance", {"seconds": 7 * 86_400 + 1})
    assert sf.get(JOBS).json["records"] == []


def test_a_slow_query_fails_as_a_job(sf: Salesforce, org: SalesforceSandbox) -> None:
    org.behaviour.bulk_slow_above = 50
    id = _create(sf)["id"]
    assert _states(sf, id)[-1] == "Failed"
    assert "QUERY_TIMEOUT" in sf.get(f"{JOBS}/{id}").json["errorMessage"]


def test_a_job_keeps_what_it_found(sf: Salesforce) -> None:
    id = _create(sf, "SELECT Id, Name FROM Opportunity")["id"]
    _states(sf, id)
    before = sf.get(f"{JOBS}/{id}/results").data
    sf.control("bulk", {"count": 30, "fields": {"Name": "renamed"}})
    assert sf.get(f"{JOBS}/{id}/results").data == before
    assert b"renamed" not in before


def test_query_all_brings_the_deleted(sf: Salesforce) -> None:
    gone = sf.ids("SELECT Id FROM Opportunity")[:3]
    sf.control("delete", {"ids": gone})
    for operation, count in (("query", 117), ("queryAll", 120)):
        id = _create(sf, "SELECT Id, IsDeleted FROM Opportunity", operation=operation)["id"]
        _states(sf, id)
        rows = _rows(sf.get(f"{JOBS}/{id}/results").data)[1:]
        assert len(rows) == count
        assert {row[0] for row in rows if row[1] == "true"} == (set(gone) if operation == "queryAll" else set())

"""Everything that a test can do in Python can be done over HTTP, in another process too."""

import os
import signal
import subprocess
import sys
from decimal import Decimal

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dealmeter.sandbox.dataset import load
from dealmeter.sandbox.record import Kind
from dealmeter.sandbox.salesforce import SalesforceSandbox
from tests.dataset import dataset

from .api import BASE, Salesforce


def test_a_record_lives_and_dies_by_control(sf: Salesforce) -> None:
    account = sf.control("create", {"type": "Account", "fields": {"Name": "New"}})["id"]
    fields = {"Name": "Deal", "StageName": "Contract Sent", "Amount": "10", "AccountId": account}
    id = sf.control("create", {"type": "Opportunity", "fields": fields})["id"]
    soql = f"SELECT Name, StageName, Amount, Probability, Account.Name FROM Opportunity WHERE Id = '{id}'"
    (row,) = sf.rows(soql)
    assert (row["StageName"], row["Amount"], row["Probability"]) == ("Contract Sent", 10.0, 90)
    assert row["Account"]["Name"] == "New"
    owner = sf.ids("SELECT Id FROM User WHERE IsActive = true ORDER BY Id DESC LIMIT 1")[0]
    sf.control("update", {"id": id, "fields": {"OwnerId": owner, "Amount": None, "ForecastCategoryName": "Commit"}})
    (row,) = sf.rows(f"SELECT OwnerId, Amount, ForecastCategory FROM Opportunity WHERE Id = '{id}'")
    assert row == {"OwnerId": owner, "Amount": None, "ForecastCategory": "Forecast"}
    sf.control("delete", {"id": id})
    sf.control("purge", {"id": id})
    assert sf.rows(soql, "queryAll") == []


def test_each_kind_of_task_is_found_by_its_id(sf: Salesforce) -> None:
    for subtype in ("Call", "Email", "Task"):
        id = sf.ids(f"SELECT Id FROM Task WHERE TaskSubtype = '{subtype}' LIMIT 1")[0]
        sf.control("update", {"id": id, "fields": {"Subject": f"changed {subtype}"}})
        assert sf.ids(f"SELECT Id FROM Task WHERE Subject = 'changed {subtype}'") == [id]
        sf.control("delete", {"id": id})
        assert sf.rows(f"SELECT IsDeleted FROM Task WHERE Id = '{id}'", "queryAll") == [{"IsDeleted": True}]


def test_life_goes_on_and_shows_in_every_type(sf: Salesforce, org: SalesforceSandbox) -> None:
    assert sf.query("SELECT COUNT() FROM OpportunityHistory").status == 200
    since = "SystemModstamp >= 2026-11-21T12:00:00Z"
    happened = sf.control("live", {"seconds": 86_400, "changes": 80})
    assert happened["new_deals"] == len(sf.ids("SELECT Id FROM Opportunity WHERE CreatedDate >= 2026-11-21T12:00:00Z"))
    steps = len(sf.ids(f"SELECT Id FROM OpportunityHistory WHERE {since}"))
    assert steps >= happened["new_deals"] + happened["stage_moves"] // 2
    truth = sf.control("truth")
    assert truth["objects"]["Opportunity"]["live"] == sf.ids("SELECT Id FROM Opportunity ORDER BY Id")
    for stage, known in truth["by_stage"].items():
        soql = f"SELECT COUNT(Id) n, SUM(Amount) total FROM Opportunity WHERE StageName = '{stage}'"
        (record,) = sf.query(soql).json["records"]
        assert record["n"] == known["opportunities"]
        assert abs(Decimal(str(record["total"] or 0)) - Decimal(known["amount"])) < Decimal("0.01")
    assert len(org.world.tables[Kind.DEAL].live) == truth["objects"]["Opportunity"]["count"]


def test_a_fault_may_wait_for_the_nth_request(sf: Salesforce) -> None:
    sf.control("faults", {"kind": "401", "match": f"{BASE}/limits", "after": 2})
    assert [sf.get("/limits").status for _ in range(4)] == [200, 200, 401, 200]
    assert sf.control("requests")["statuses"] == {"200": 3, "401": 1}


def test_a_key_of_ones_own_may_be_trusted(sf: Salesforce, org: SalesforceSandbox) -> None:
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    public = own.public_key().public_bytes(serialization.Encoding.PEM, kind).decode()
    sf.control("credentials", {"public_key": public})
    claims = {"iss": "sandbox-client", "sub": "integration@example.com", "aud": org.url, "exp": 4_102_444_800}
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert sf.token(grant_type=grant, assertion=jwt.encode(claims, own, algorithm="RS256")).status == 200
    assert sf.token(grant_type=grant, assertion=jwt.encode(claims, org.private_key, algorithm="RS256")).status == 400
    assert sf.get("/__sandbox__/jwt_key").json["private_key"] == org.private_key


def test_a_wrong_operation_is_explained(sf: Salesforce) -> None:
    assert "there are" in sf.post("/__sandbox__/explode", {}).json["error"]
    for operation, body, words in (
        ("update", {"id": "x"}, "no record has the id x"),
        ("create", {"type": "Account"}, "fields is missing"),
        ("behave", {"magic": 1}, "magic is no behaviour"),
        ("behave", {"bulk_fates": ["lost"]}, "a fate is one of"),
        ("credentials", {"pin": "1"}, "pin is no credential"),
        ("create", {"type": "OpportunityHistory", "fields": {}}, "no type with records of its own"),
        ("faults", {"kind": "earthquake"}, "not a fault"),
    ):
        reply = sf.post(f"/__sandbox__/{operation}", body)
        assert reply.status == 400
        assert words in reply.json["error"]


def test_nothing_can_be_written_as_a_client(sf: Salesforce) -> None:
    reply = sf.post("/sobjects/Opportunity", {"Name": "x"})
    assert (reply.status, reply.json[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")
    assert sf.get("/nowhere").json[0]["errorCode"] == "NOT_FOUND"


def test_the_public_data_set_keeps_its_known_sums() -> None:
    with SalesforceSandbox(load(dataset(), frozen=True)) as running:
        sf = Salesforce(running.url)
        soql = "SELECT StageName, COUNT(Id) deals, SUM(Amount) total FROM Opportunity GROUP BY StageName"
        stages = {row["StageName"]: (row["deals"], row["total"]) for row in sf.query(soql).json["records"]}
        closed = sf.query("SELECT COUNT() FROM OpportunityFieldHistory WHERE Field = 'StageName'").json["totalSize"]
        sf.close()
    assert {stage: deals for stage, (deals, _total) in stages.items()} == {
        "Won": 4238,
        "Lost": 2473,
        "Engaging": 1589,
        "Prospecting": 500,
    }
    assert stages["Won"][1] == 10_005_534
    assert closed == 4238 + 2473


@pytest.mark.parametrize(
    ("number", "program"),
    [(signal.SIGTERM, ("-m", "dealmeter.sandbox")), (signal.SIGINT, ("-m", "dealmeter", "sandbox"))],
)
def test_the_command_says_where_it_listens_and_what_opens_it(number: int, program: tuple[str, ...]) -> None:
    command = [sys.executable, "-W", "error", *program, "salesforce", "--deals", "20", "--rate-limit"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout
        lines = [running.stdout.readline().strip() for _ in range(5)]
        assert lines[0].startswith("listening on http://127.0.0.1:")
        assert "sandbox-client / sandbox-secret" in lines[1]
        sf = Salesforce(lines[0].removeprefix("listening on "))
        reply = sf.query("SELECT Id FROM Opportunity")
        assert (reply.json["totalSize"], reply.headers["Sforce-Limit-Info"]) == (20, "api-usage=1/15000")
        os.kill(running.pid, number)
        out, problems = running.communicate(timeout=20)
        sf.close()
    assert (running.returncode, out, problems) == (0, "", "")

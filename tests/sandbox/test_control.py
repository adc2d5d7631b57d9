"""Everything that a test can do in Python can be done over HTTP, in another process too."""

import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.record import Kind

from .api import Api


def test_time_is_moved_and_set(api: Api) -> None:
    assert api.control("advance", {"seconds": 90}) == {"now": "2026-11-21T12:01:30Z"}
    assert api.control("time", {"now": "2027-01-01T00:00:00"}) == {"now": "2027-01-01T00:00:00Z"}
    assert api.control("now") == {"now": "2027-01-01T00:00:00Z"}


def test_a_record_lives_and_dies_by_control(api: Api) -> None:
    api.control("advance", {"seconds": 60})
    id = api.control("create", {"type": "deals", "properties": {"dealname": "New", "amount": "10"}})["id"]
    other = api.control("create", {"properties": {"dealname": "Other"}})["id"]
    api.control("update", {"type": "deals", "id": id, "properties": {"amount": "12.50"}})
    assert api.get(f"/crm/v3/objects/deals/{id}").json["properties"]["amount"] == "12.50"
    api.control("archive", {"ids": [id]})
    assert api.get(f"/crm/v3/objects/deals/{id}").status == 404
    api.control("restore", {"id": id})
    merged = api.control("merge", {"primary": id, "other": other})["id"]
    assert api.get(f"/crm/v3/objects/deals/{other}").json["id"] == merged
    api.control("purge", {"id": merged})
    assert api.get(f"/crm/v3/objects/deals/{id}").status == 404


def test_bulk_edits_share_one_millisecond(api: Api, sandbox: HubSpotSandbox) -> None:
    ids = api.control("bulk", {"count": 50, "properties": {"hs_priority": "high"}})["ids"]
    edited = [sandbox.world.find(Kind.DEAL, int(id)) for id in ids]
    assert [record.modified for record in edited if record] == [sandbox.world.clock.ms()] * 50


def test_life_goes_on_over_simulated_time(api: Api, sandbox: HubSpotSandbox) -> None:
    before = sandbox.world.clock.ms()
    happened = api.control("live", {"seconds": 86_400, "changes": 60})
    assert sum(happened.values()) > 40
    assert sandbox.world.clock.ms() == before + 86_400_000
    changed = [deal for deal in sandbox.world.tables[Kind.DEAL].live if deal.modified >= before]
    assert len({deal.modified for deal in changed}) > 5


def test_the_truth_adds_up_to_the_cent(api: Api, sandbox: HubSpotSandbox) -> None:
    truth = api.control("truth")
    deals = truth["deals"]
    assert deals["count"] == len(deals["live"]) == 120
    total = sum(Decimal(entry["amount"] or 0) for entry in deals["live"].values())
    assert sum(Decimal(stage["amount"]) for stage in deals["by_stage"].values()) == round(total, 2)
    assert sum(stage["deals"] for stage in deals["by_stage"].values()) == 120
    assert set(truth) >= {"contacts", "companies", "line_items", "calls"}


def test_settings_are_changed_over_http(api: Api, sandbox: HubSpotSandbox) -> None:
    api.control("faults", {"kind": "503"})
    assert api.get("/crm/v3/owners").status == 503
    api.control("scopes", {"scopes": []})
    assert api.get("/crm/v3/owners").status == 403
    api.control("scopes", {"scopes": None})
    api.control("limits", {"rate_limit": {"burst": 1}})
    assert [api.get("/crm/v3/owners").status for _ in range(2)] == [200, 429]
    api.control("limits", {"rate_limit": None})
    api.control("lag", {"seconds": 30})
    id = api.control("create", {"properties": {"dealname": "Late"}})["id"]
    assert id not in api.search({"limit": 200}).ids
    api.control("expire")
    assert api.get("/crm/v3/owners").status == 401
    assert api.control("requests")["statuses"]["401"] == 1


def test_a_wrong_operation_is_explained(api: Api) -> None:
    assert "there are" in api.post("/__sandbox__/explode", {}).json["error"]
    assert api.post("/__sandbox__/update", {"id": "1"}).json == {"error": "properties is missing"}
    assert "no deal has the id 1" in api.post("/__sandbox__/purge", {"id": "1"}).json["error"]
    assert "no archived deal" in api.post("/__sandbox__/restore", {"id": "1"}).json["error"]
    assert "no living deal" in api.post("/__sandbox__/archive", {"id": "1"}).json["error"]


def test_a_request_is_held_and_released_over_http(api: Api, sandbox: HubSpotSandbox) -> None:
    api.control("hold", {"at_request": 3})
    assert api.get("/__sandbox__/held?wait_s=0").json == {"held": False}
    api.control("release")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_it_listens_and_ends_quietly(number: int) -> None:
    command = [sys.executable, "-W", "error", "-m", "dealmeter.sandbox", "hubspot", "--deals", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout
        line = running.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:")
        api = Api(line.removeprefix("listening on ").strip())
        assert len(api.get("/crm/v3/objects/deals?limit=100").ids) == 20
        os.kill(running.pid, number)
        out, problems = running.communicate(timeout=10)
        api.close()
    assert (running.returncode, out, problems) == (0, "", "")


def test_a_wrong_folder_is_named_with_what_to_do(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dealmeter.sandbox", "hubspot", "--data", str(tmp_path / "nowhere")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr

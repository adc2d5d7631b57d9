"""Limits, faults and held requests."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime

import orjson
import pytest
import urllib3.exceptions

from dealmeter.sandbox.hubspot import HubSpotSandbox, RateLimit
from dealmeter.sandbox.hubspot.limits import Limiter
from dealmeter.sandbox.world import World

from .api import Api

DEALS = "/crm/v3/objects/deals"


@pytest.fixture
def tight(world: World) -> Iterator[HubSpotSandbox]:
    with HubSpotSandbox(world, rate_limit=RateLimit(burst=3, search_per_second=1, daily=9)) as running:
        yield running


def test_the_burst_limit_is_announced_and_kept(tight: HubSpotSandbox) -> None:
    api = Api(tight.url)
    replies = [api.get(DEALS) for _ in range(4)]
    assert [reply.headers["X-HubSpot-RateLimit-Remaining"] for reply in replies[:3]] == ["2", "1", "0"]
    assert replies[0].headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert replies[2].headers["X-HubSpot-RateLimit-Daily-Remaining"] == "6"
    refused = replies[3]
    assert (refused.status, refused.json["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
    assert refused.json["errorType"] == "RATE_LIMIT"
    assert "Retry-After" not in refused.headers
    api.close()


def test_search_has_a_limit_of_its_own_and_no_headers(tight: HubSpotSandbox) -> None:
    api = Api(tight.url)
    first, second = api.search({}), api.search({}, "contacts")
    assert first.status == 200
    assert not [name for name in first.headers if "ratelimit" in name.lower()]
    assert (second.status, second.json["policyName"]) == (429, "SECONDLY")
    api.close()


def test_the_days_quota_ends_and_returns_at_local_midnight(tight: HubSpotSandbox) -> None:
    api = Api(tight.url)
    tight.limits.spend(9)
    assert api.get("/crm/v3/owners").json["policyName"] == "DAILY"
    tight.world.clock.advance(timedelta(hours=8, minutes=59))
    assert api.get("/crm/v3/owners").status == 429
    tight.world.clock.advance(timedelta(minutes=1))
    assert api.get("/crm/v3/owners").status == 200
    api.close()


def test_the_window_slides(world: World) -> None:
    now = [0.0]
    limiter = Limiter(world, RateLimit(burst=2, retry_after=True), monotonic=lambda: now[0])
    assert [limiter.admit("t", "list").policy for _ in range(2)] == [None, None]
    now[0] = 9.0
    verdict = limiter.admit("t", "list")
    assert (verdict.policy, verdict.retry_after) == ("TEN_SECONDLY_ROLLING", 2)
    assert limiter.admit("another", "list").policy is None
    now[0] = 10.0
    assert limiter.admit("t", "list").policy is None


@pytest.mark.parametrize("status", [500, 502, 503, 504, 524, 414])
def test_gateway_errors_are_html(api: Api, sandbox: HubSpotSandbox, status: int) -> None:
    sandbox.faults.next(str(status))
    reply = api.get(DEALS)
    assert (reply.status, reply.headers["Content-Type"]) == (status, "text/html")
    assert api.get(DEALS).status == 200


@pytest.mark.parametrize("policy", ["ten_secondly", "secondly", "daily"])
def test_each_rate_limit_can_be_struck_on_demand(api: Api, sandbox: HubSpotSandbox, policy: str) -> None:
    sandbox.faults.next(f"429_{policy}", seconds=7)
    reply = api.get(DEALS)
    assert (reply.status, reply.headers["Retry-After"]) == (429, "7")
    assert policy in reply.json["policyName"].lower()


def test_a_lock_and_a_migration(api: Api, sandbox: HubSpotSandbox) -> None:
    sandbox.faults.next("423")
    sandbox.faults.next("477", seconds=120)
    assert api.get(DEALS).status == 423
    reply = api.get(DEALS)
    assert (reply.status, reply.headers["Retry-After"]) == (477, "120")


@pytest.mark.parametrize("kind", ["reset", "reset_mid_body"])
def test_connections_break_before_and_within_an_answer(api: Api, sandbox: HubSpotSandbox, kind: str) -> None:
    sandbox.faults.next(kind)
    with pytest.raises(urllib3.exceptions.HTTPError):
        api.get(f"{DEALS}?limit=100")
    assert api.get(DEALS).status == 200


def test_half_a_json_body_comes_with_status_200_and_the_right_length(api: Api, sandbox: HubSpotSandbox) -> None:
    sandbox.faults.next("truncated_json")
    reply = api.get(DEALS)
    assert reply.status == 200
    with pytest.raises(orjson.JSONDecodeError):
        _ = reply.json


def test_a_200_may_be_html_or_nothing(api: Api, sandbox: HubSpotSandbox) -> None:
    sandbox.faults.next("html_200")
    sandbox.faults.next("empty_200")
    assert api.get(DEALS).data.startswith(b"<html>")
    assert api.get(DEALS).data == b""


def test_a_short_page_is_not_the_last(api: Api, sandbox: HubSpotSandbox) -> None:
    sandbox.faults.next("short_page", times=2)
    listed, found = api.get(f"{DEALS}?limit=90"), api.search({"limit": 90})
    assert (len(listed.ids), len(found.ids)) == (30, 30)
    assert found.json["paging"]["next"]["after"] == "30"
    assert listed.json["paging"]


def test_faults_wait_for_the_path_that_they_match(api: Api, sandbox: HubSpotSandbox) -> None:
    sandbox.faults.next("500", match="/crm/v3/owners")
    assert api.get(DEALS).status == 200
    assert api.get("/crm/v3/owners").status == 500
    with pytest.raises(ValueError, match="not a fault"):
        sandbox.faults.next("earthquake")


def test_latency_is_a_fault_too(api: Api, sandbox: HubSpotSandbox) -> None:
    sandbox.faults.next("latency", seconds=0.01)
    assert api.get(DEALS).status == 200
    assert sandbox.faults.injected["latency"] == 1


def test_random_faults_are_the_same_for_the_same_seed(world: World) -> None:
    def statuses() -> list[int]:
        with HubSpotSandbox(world, fault_rate=0.5, seed=4) as sandbox:
            api, seen = Api(sandbox.url), []
            for _ in range(40):
                try:
                    seen.append(api.get("/crm/v3/owners").status)
                except urllib3.exceptions.HTTPError:
                    seen.append(0)
            api.close()
            return seen

    first = statuses()
    assert first == statuses()
    assert {200, 0} < set(first)


def test_a_long_url_is_refused_before_anything_else(api: Api) -> None:
    reply = api.get(f"{DEALS}?properties={'x' * 16_400}", Authorization="Bearer nobody")
    assert reply.status == 414
    assert reply.data.startswith(b"<html>")


def test_the_chosen_request_is_held_until_it_is_released(api: Api, sandbox: HubSpotSandbox) -> None:
    sandbox.hold(at_request=2)
    answered = threading.Event()

    def ask() -> None:
        api.get(DEALS)
        api.get("/crm/v3/owners")
        answered.set()

    asking = threading.Thread(target=ask)
    asking.start()
    assert sandbox.held.wait(5)
    assert not answered.is_set()
    assert [entry.path for entry in sandbox.requests.entries] == [DEALS]
    sandbox.release()
    asking.join(5)
    assert answered.is_set()


def test_a_client_that_dies_while_held_does_not_hurt_the_sandbox(api: Api, sandbox: HubSpotSandbox) -> None:
    sandbox.hold()
    hasty = urllib3.PoolManager(retries=False, timeout=0.05)
    with pytest.raises(urllib3.exceptions.TimeoutError):
        hasty.request("GET", f"{sandbox.url}{DEALS}", headers={"Authorization": "Bearer sandbox-token"})
    hasty.clear()
    sandbox.release()
    assert api.get(DEALS).status == 200


def test_requests_are_logged_and_counted(api: Api, sandbox: HubSpotSandbox) -> None:
    api.get(DEALS)
    api.search({})
    api.get("/nowhere")
    assert sandbox.requests.entries[0] == ("GET", DEALS, 200)
    assert sandbox.requests.endpoints == {"list": 1, "search": 1, "other": 1}
    assert sandbox.requests.statuses == {200: 2, 404: 1}


def test_stopping_ends_every_thread_even_with_open_connections(world: World) -> None:
    before = threading.active_count()
    sandbox = HubSpotSandbox(world).start()
    api = Api(sandbox.url)
    api.get(DEALS)
    sandbox.stop()
    assert threading.active_count() == before
    api.close()


@pytest.mark.parametrize("kind", ["500_json", "503_json"])
def test_servers_in_trouble_can_also_say_so_in_json(api: Api, sandbox: HubSpotSandbox, kind: str) -> None:
    sandbox.faults.next(kind)
    reply = api.get(DEALS)
    assert (reply.status, reply.json["status"]) == (int(kind[:3]), "error")


def test_results_can_come_twice_or_in_another_order(api: Api, sandbox: HubSpotSandbox) -> None:
    honest = api.get(DEALS).ids
    sandbox.faults.next("duplicated")
    assert api.get(DEALS).ids == [*honest, *honest[:6]]
    sandbox.faults.next("reordered")
    assert api.get(DEALS).ids == honest[::-1]


@pytest.mark.parametrize("kind", ["truncated_gzip", "garbled_gzip"])
def test_a_zipped_answer_can_be_spoilt_on_its_way(sandbox: HubSpotSandbox, kind: str) -> None:
    sandbox.faults.next(kind)
    headers = {"Authorization": "Bearer sandbox-token", "Accept-Encoding": "gzip"}
    with pytest.raises((urllib3.exceptions.HTTPError, orjson.JSONDecodeError)):
        orjson.loads(urllib3.request("GET", sandbox.url + DEALS, headers=headers, retries=False).data)


def test_the_world_can_change_at_a_chosen_request(api: Api, sandbox: HubSpotSandbox) -> None:
    gone = api.get(DEALS).ids[0]
    sandbox.at_request(2, lambda: sandbox.edits.archive("deals", gone))
    assert api.get(f"{DEALS}/{gone}").status == 200
    assert api.get(f"{DEALS}/{gone}").status == 404
    assert not sandbox.meanwhile.failed


def test_its_clock_can_be_off(api: Api, sandbox: HubSpotSandbox) -> None:
    honest = parsedate_to_datetime(api.get(DEALS).headers["Date"])
    sandbox.skew = timedelta(minutes=4)
    assert timedelta(minutes=3) < parsedate_to_datetime(api.get(DEALS).headers["Date"]) - honest < timedelta(minutes=5)

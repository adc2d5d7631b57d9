"""What every account has one of: details, owners with their teams, pipelines with their stages."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.base import Children, Cursor, Meter, Page
from connectors.dropped import dropped
from connectors.hubspot.client import Client, Json
from connectors.hubspot.paging import pages, results
from connectors.hubspot.shapes import Account
from connectors.shown import Shown, shown_stages
from store import records
from store.known import Known
from store.records import Pipeline, Stage, Statement, Team, TeamMembership, User

OWNERS_PAGE = 100


def details(client: Client, meter: Meter) -> Json:
    """Who answers: portal, time zone, currency. The first call of a run; raises where the token is refused."""
    return client.get(client.paths.account(), (), meter)


def account_record(raw: Json) -> records.Account:
    """The account as a record."""
    return records.Account(
        id=str(raw["portalId"]),
        kind="hubspot",
        name=f"HubSpot {raw['portalId']}",
        base_currency=raw.get("companyCurrency"),
        time_zone=_zone(raw)[1],
        status=raw.get("accountType"),
        updated_at=None,
        deleted_at=None,
    )


def account(
    raw: Json,
    pipelines: list[Json],
    known: Sequence[Mapping[str, Any]],
    *,
    states: Mapping[str, str],
    dispositions: Callable[[], Mapping[str, str]],
) -> Account:
    """What of the account decides how values are read. `known` are the deal stages that we have stored."""
    zone, name = _zone(raw)
    stages = [stage for pipeline in pipelines for stage in pipeline.get("stages") or ()]
    closed = [stage for stage in stages if _is_closed(stage)]
    told = {str(stage["id"]) for stage in stages}
    dropped = [stage for stage in known if stage["id"] not in told and stage["is_closed"]]
    return Account(
        id=str(raw["portalId"]),
        zone=zone,
        time_zone=name,
        currency=raw.get("companyCurrency"),
        closed_stages=frozenset([*(str(stage["id"]) for stage in closed), *(stage["id"] for stage in dropped)]),
        won_stages=frozenset(
            [
                *(str(stage["id"]) for stage in closed if _is_won(stage)),
                *(stage["id"] for stage in dropped if stage["is_won"]),
            ]
        ),
        stage_states=states,
        dispositions=dispositions,
    )


def stage_states(pipelines: Sequence[Json]) -> dict[str, str]:
    """What the stages of leads or tickets mean, by their ids."""
    stages = [stage for pipeline in pipelines for stage in pipeline.get("stages") or ()]
    return {str(stage["id"]): _state(stage) for stage in stages if _state(stage)}


def deal_stages(stages: Sequence[Mapping[str, Any]], pipelines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of the stages that we have stored those that deals walk through."""
    others = {row["id"] for row in pipelines if row["object"] not in (None, "deal")}
    return [stage for stage in stages if stage["pipeline_id"] not in others]


def zone_of(raw: Json) -> tzinfo:
    """The account's time zone."""
    return _zone(raw)[0]


def _zone(raw: Json) -> tuple[tzinfo, str]:
    name = str(raw.get("timeZone") or "UTC")
    try:
        return ZoneInfo(name), name
    except (ZoneInfoNotFoundError, ValueError):
        return UTC, "UTC"


# ------------------------------------------------------------------------------------------------------- owners


def owners(client: Client, cursor: Cursor, meter: Meter) -> Iterator[Page]:
    """Every owner, archived ones too, with the teams that they are in now."""
    for archived in (False, True):
        read_at = client.now()
        raws = [raw for page in _owner_pages(client, archived, meter) for raw in page]
        users = [_user(raw, archived) for raw in raws]
        teams = {str(team["id"]): team for raw in raws for team in raw.get("teams") or ()}
        memberships = [_membership(raw, team) for raw in raws for team in raw.get("teams") or ()]
        yield Page(
            cursor={},
            read_at=read_at,
            read=len(raws),
            records=[*users, *(_team(team) for team in teams.values())],
            children=[
                Children(
                    detail=TeamMembership,
                    parent="user_id",
                    parent_ids=frozenset(str(raw["id"]) for raw in raws),
                    details=memberships,
                )
            ],
        )


def _owner_pages(client: Client, archived: bool, meter: Meter) -> Iterator[list[Json]]:
    query = [("limit", OWNERS_PAGE), ("archived", "true" if archived else "false")]
    return (raws for raws, _ in pages(client, client.paths.owners(), query, meter))


def _user(raw: Json, archived: bool) -> User:
    name = " ".join(part for part in (raw.get("firstName"), raw.get("lastName")) if part)
    return User(
        id=str(raw["id"]),
        name=name or None,
        email=raw.get("email"),
        is_active=not archived,
        created_at=raw.get("createdAt"),
        updated_at=raw.get("updatedAt"),
        active_from=raw.get("createdAt"),
        active_to=raw.get("updatedAt") if archived else None,
        deleted_at=None,
    )


def _team(raw: Json) -> Team:
    return Team(id=str(raw["id"]), name=raw.get("name"), updated_at=None, deleted_at=None)


def _membership(raw: Json, team: Mapping[str, Any]) -> TeamMembership:
    return TeamMembership(user_id=str(raw["id"]), team_id=str(team["id"]), is_primary=bool(team.get("primary")))


# ---------------------------------------------------------------------------------------------------- pipelines


OBJECTS = {"deals": "deal", "leads": "lead", "tickets": "ticket", "orders": "order"}
"""What has pipelines, in HubSpot's words and in ours."""


def read_pipelines(client: Client, of: str, meter: Meter) -> list[Json]:
    """The pipelines of deals, leads, tickets or orders as HubSpot has them."""
    path = client.paths.pipelines(of)
    return results(client.get(path, (), meter), path)


def pipelines(told: Mapping[str, list[Json]], known: Known, client: Client) -> Iterator[Page]:
    """Every pipeline and stage by what walks through it. What HubSpot dropped of them stays as it was, archived.

    Of what is not told, because the token may not see it, nothing changes.
    """
    made: list[Statement] = []
    had = known.rows(Pipeline)
    objects = {row["id"]: row["object"] for row in had}
    for of, raws in told.items():
        for raw in raws:
            objects[str(raw["id"])] = OBJECTS[of]
            made += pipeline_records(raw, OBJECTS[of])
    read = {OBJECTS[of] for of in told}
    stages = [row for row in known.rows(Stage) if objects.get(row["pipeline_id"], "deal") in read]
    made += dropped(Pipeline, [row for row in had if (row["object"] or "deal") in read], made)
    made += dropped(Stage, stages, made)
    yield Page(cursor={}, read_at=client.now(), read=sum(len(raws) for raws in told.values()), records=made)


def shown(raws: Sequence[Json]) -> dict[str, Shown]:
    """Pipelines and their stages, so that a change of them is noticed."""
    stages = [(raw["id"], stage) for raw in raws for stage in raw.get("stages") or ()]
    named = {f"{pipeline}/{stage['id']}": str(stage.get("label") or "") for pipeline, stage in stages}
    return shown_stages({str(raw["id"]): str(raw.get("label") or "") for raw in raws}, named)


def shown_property(raw: Mapping[str, Any]) -> Shown:
    """A property, so that a change of it is noticed."""
    return Shown(type=str(raw.get("type") or "unknown"), label=str(raw.get("label") or ""))


def pipeline_records(raw: Json, of: str) -> list[Pipeline | Stage]:
    """A pipeline of our entity `of` with its stages, as records."""
    return [_pipeline(raw, of), *(_stage(raw, stage) for stage in raw.get("stages") or ())]


def _pipeline(raw: Json, of: str) -> Pipeline:
    return Pipeline(
        id=str(raw["id"]),
        name=raw.get("label"),
        object=of,
        sort_order=raw.get("displayOrder"),
        is_archived=bool(raw.get("archived")),
        created_at=raw.get("createdAt"),
        updated_at=raw.get("updatedAt"),
        deleted_at=None,
    )


def _stage(pipeline: Json, raw: Json) -> Stage:
    closed = _is_closed(raw)
    return Stage(
        id=str(raw["id"]),
        pipeline_id=str(pipeline["id"]),
        name=raw.get("label"),
        sort_order=raw.get("displayOrder"),
        probability=(raw.get("metadata") or {}).get("probability"),
        is_closed=closed,
        is_won=closed and _is_won(raw),
        is_archived=bool(raw.get("archived")),
        created_at=raw.get("createdAt"),
        updated_at=raw.get("updatedAt"),
        deleted_at=None,
    )


def _is_closed(stage: Mapping[str, Any]) -> bool:
    metadata = stage.get("metadata") or {}
    if "isClosed" in metadata:
        return str(metadata["isClosed"]).lower() == "true"
    return _probability(stage) in {0.0, 1.0} or _state(stage) in ENDS


def _is_won(stage: Mapping[str, Any]) -> bool:
    return _probability(stage) == 1.0 or _state(stage) == "QUALIFIED"


ENDS = {"QUALIFIED", "UNQUALIFIED", "CLOSED"}
"""States in which a lead or a ticket is done with."""


def _state(stage: Mapping[str, Any]) -> str:
    metadata = stage.get("metadata") or {}
    return str(metadata.get("leadState") or metadata.get("ticketState") or "")


def _probability(stage: Mapping[str, Any]) -> float | None:
    try:
        return float((stage.get("metadata") or {}).get("probability", ""))
    except ValueError:
        return None

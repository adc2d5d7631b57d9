"""What every account has one of: details, owners with their teams, pipelines with their stages."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.base import Children, Cursor, Meter, Page
from connectors.hubspot.client import Client, Json
from connectors.hubspot.objects import following, results
from connectors.hubspot.shapes import Account
from store import records
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


def account(raw: Json, pipelines: list[Json], known: Sequence[Mapping[str, Any]]) -> Account:
    """What of the account decides how values are read. `known` are the stages that we have stored."""
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
    )


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
    path, after = client.paths.owners(), None
    while True:
        query: list[tuple[str, Any]] = [("limit", OWNERS_PAGE), ("archived", "true" if archived else "false")]
        answer = client.get(path, [*query, ("after", after)] if after else query, meter)
        yield results(answer, path)
        after = following(answer, path)
        if after is None:
            return


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


def read_pipelines(client: Client, meter: Meter) -> list[Json]:
    """The deal pipelines as HubSpot has them."""
    path = client.paths.pipelines("deals")
    return results(client.get(path, (), meter), path)


def pipelines(raws: list[Json], known: Sequence[Mapping[str, Any]], client: Client) -> Iterator[Page]:
    """Every deal pipeline and stage. Stages that HubSpot dropped stay as we last saw them, archived."""
    made: list[Statement] = []
    for raw in raws:
        made += pipeline_records(raw)
    told = {(stage.pipeline_id, stage.id) for stage in made if isinstance(stage, Stage)}
    for stage in known:
        if (stage["pipeline_id"], stage["id"]) not in told:
            values = {name: stage[name] for name in Stage.model_fields if name in stage}
            made.append(Stage.of({**values, "is_archived": True}))
    yield Page(cursor={}, read_at=client.now(), read=len(raws), records=made)


def pipeline_records(raw: Json) -> list[Pipeline | Stage]:
    """A pipeline with its stages, as records."""
    return [_pipeline(raw), *(_stage(raw, stage) for stage in raw.get("stages") or ())]


def _pipeline(raw: Json) -> Pipeline:
    return Pipeline(
        id=str(raw["id"]),
        name=raw.get("label"),
        object="deal",
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
    return _probability(stage) in {0.0, 1.0}


def _is_won(stage: Mapping[str, Any]) -> bool:
    return _probability(stage) == 1.0


def _probability(stage: Mapping[str, Any]) -> float | None:
    try:
        return float((stage.get("metadata") or {}).get("probability", ""))
    except ValueError:
        return None

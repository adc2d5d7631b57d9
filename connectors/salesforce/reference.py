"""What every org has few of: the organization, users with their roles, pipelines with their stages, currencies."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.base import Children, Page
from connectors.dropped import dropped
from connectors.errors import MissingScopeError, UnexpectedResponseError
from connectors.salesforce.client import Json
from connectors.salesforce.objects import Rows
from connectors.salesforce.shapes import ONE_PIPELINE, Account, number, share
from connectors.shown import Shown, shown_stages
from store import records
from store.known import Known
from store.records import ExchangeRate, Pipeline, Stage, Statement, Team, TeamMembership, User

SINCE_EVER = "2000-01-01"
"""A rate of an org without dated rates is valid for all its past."""
ORGANIZATION = (
    *("Id", "Name", "TimeZoneSidKey", "FiscalYearStartMonth", "OrganizationType", "IsSandbox", "CreatedDate"),
    "DefaultCurrencyIsoCode",
)
USER = (
    *("Id", "Name", "Email", "IsActive", "UserType", "UserRoleId", "ManagerId", "Title", "TimeZoneSidKey"),
    *("CreatedDate", "LastModifiedDate", "SystemModstamp"),
)
ROLE = ("Id", "Name", "ParentRoleId", "SystemModstamp", "LastModifiedDate")
STAGE = (
    *("Id", "ApiName", "MasterLabel", "IsActive", "SortOrder", "IsClosed", "IsWon", "ForecastCategory"),
    *("DefaultProbability", "CreatedDate", "SystemModstamp"),
)
RECORD_TYPE = ("Id", "Name", "IsActive", "SobjectType", "CreatedDate", "SystemModstamp")
CURRENCY = ("Id", "IsoCode", "ConversionRate", "IsCorporate", "IsActive", "SystemModstamp")
DATED_RATE = ("Id", "IsoCode", "StartDate", "ConversionRate", "CreatedDate", "SystemModstamp")
PERIOD = ("Id", "StartDate", "EndDate")


def everything(rows: Rows, fields: Sequence[str], *conditions: str) -> list[Json]:
    """All rows of a small object that are not deleted."""
    live = rows.conditions([("IsDeleted", "IsDeleted = false")])
    return [row for page in rows.all(fields, *live, *conditions) for row in page]


def if_there(rows: Rows, fields: Sequence[str], *conditions: str) -> list[Json]:
    """The same; none where the org lacks the object or hides it."""
    if not rows.org.has(rows.object):
        return []
    try:
        return everything(rows, fields, *conditions)
    except MissingScopeError:
        return []


# ------------------------------------------------------------------------------------------------------ account


def organization(rows: Rows) -> Json:
    """Who answers."""
    found = everything(rows, ORGANIZATION)
    if not found:
        raise UnexpectedResponseError(
            "Salesforce names no organization", hint="the user needs to see the org's Company Information"
        )
    return found[0]


def account_record(raw: Json, currency: str | None) -> records.Account:
    """The org as a record."""
    month = raw.get("FiscalYearStartMonth")
    return records.Account(
        id=str(raw["Id"]),
        kind="salesforce",
        name=raw.get("Name"),
        base_currency=currency,
        time_zone=zone(raw)[1],
        fiscal_year_start=int(month) if month is not None else None,
        status=raw.get("OrganizationType"),
        created_at=raw.get("CreatedDate"),
        updated_at=None,
        deleted_at=None,
    )


def zone(raw: Json) -> tuple[tzinfo, str]:
    """The org's time zone and its name; UTC where it can't be found."""
    name = str(raw.get("TimeZoneSidKey") or "UTC")
    try:
        return ZoneInfo(name), name
    except (ZoneInfoNotFoundError, ValueError):
        return UTC, "UTC"


def corporate_currency(currencies: Iterable[Json], raw: Json, configured: str | None) -> str | None:
    """The currency of the org: the corporate one, else what the org says, else what the configuration says."""
    corporate = next((str(row["IsoCode"]) for row in currencies if row.get("IsCorporate") is True), None)
    return corporate or raw.get("DefaultCurrencyIsoCode") or configured


def periods(rows: Iterable[Json]) -> dict[str, tuple[str, str]]:
    """Forecast periods by id: the first day, and the day after the last."""
    found: dict[str, tuple[str, str]] = {}
    for raw in rows:
        if raw.get("StartDate") and raw.get("EndDate"):
            after = date.fromisoformat(str(raw["EndDate"])) + timedelta(days=1)
            found[str(raw["Id"])] = (str(raw["StartDate"]), after.isoformat())
    return found


# ------------------------------------------------------------------------------------------------------- owners


def owners(users: Rows, roles: Rows, notes: Sequence[str]) -> Iterator[Page]:
    """Every user, inactive ones too, and the role tree; a user's role is the team that it is in now."""
    read_at = users.client.now()
    teams = [_team(raw) for raw in if_there(roles, ROLE)]
    for page in users.all(USER):
        yield Page(
            cursor={},
            read_at=read_at,
            read=len(page),
            records=[*teams, *(_user(raw) for raw in page)],
            children=[
                Children(
                    detail=TeamMembership,
                    parent="user_id",
                    parent_ids=frozenset(str(raw["Id"]) for raw in page),
                    details=[
                        TeamMembership(user_id=str(raw["Id"]), team_id=str(raw["UserRoleId"]), is_primary=True)
                        for raw in page
                        if raw.get("UserRoleId")
                    ],
                )
            ],
            notes=[*notes, *users.notes],
        )
        teams, read_at = [], users.client.now()


def _user(raw: Json) -> User:
    active = raw.get("IsActive") is True
    return User.of(
        {
            "id": str(raw["Id"]),
            "name": raw.get("Name"),
            "email": raw.get("Email"),
            "manager_id": raw.get("ManagerId"),
            "is_active": active,
            "time_zone": raw.get("TimeZoneSidKey"),
            "created_at": raw.get("CreatedDate"),
            "updated_at": raw.get("SystemModstamp"),
            "active_from": raw.get("CreatedDate"),
            "active_to": None if active else raw.get("LastModifiedDate"),
            "deleted_at": None,
        }
    )


def _team(raw: Json) -> Team:
    return Team.of(
        {
            "id": str(raw["Id"]),
            "name": raw.get("Name"),
            "parent_id": raw.get("ParentRoleId"),
            "updated_at": raw.get("SystemModstamp") or raw.get("LastModifiedDate"),
            "deleted_at": None,
        }
    )


# ---------------------------------------------------------------------------------------------------- pipelines


def pipelines(stages: Sequence[Json], types: Sequence[Json], known: Known, rows: Rows) -> Iterator[Page]:
    """A pipeline per record type of opportunities, else one; each with all stages, for Salesforce doesn't tell which.

    What Salesforce dropped of them stays as we last saw it, archived.
    """
    made: list[Statement] = [_pipeline(raw) for raw in types] or [
        _pipeline({"Id": ONE_PIPELINE, "Name": "Opportunities"})
    ]
    ids = [str(raw["Id"]) for raw in types] or [ONE_PIPELINE]
    if types:
        made.append(_pipeline({"Id": ONE_PIPELINE, "Name": "Without a record type"}))
        ids.append(ONE_PIPELINE)
    made += [_stage(pipeline, raw) for pipeline in ids for raw in stages]
    made += dropped(Pipeline, known.rows(Pipeline), made) + dropped(Stage, known.rows(Stage), made)
    yield Page(
        cursor={}, read_at=rows.client.now(), read=len(stages) + len(types), records=made, notes=list(rows.notes)
    )


def shown(types: Sequence[Json], stages: Sequence[Json]) -> dict[str, Shown]:
    """Record types and stages in use, so that a change of them is noticed."""
    pipelines = {str(raw["Id"]): str(raw.get("Name") or "") for raw in types if raw.get("IsActive") is not False}
    names = {stage_id(raw): str(raw.get("MasterLabel") or "") for raw in stages if raw.get("IsActive") is not False}
    return shown_stages(pipelines, names)


def _pipeline(raw: Json) -> Pipeline:
    return Pipeline.of(
        {
            "id": str(raw["Id"]),
            "name": raw.get("Name"),
            "object": "deal",
            "is_archived": raw.get("IsActive") is False,
            "created_at": raw.get("CreatedDate"),
            "updated_at": raw.get("SystemModstamp"),
            "deleted_at": None,
        }
    )


def stage_id(raw: Json) -> str:
    """What opportunities say where they are in this stage."""
    return str(raw.get("ApiName") or raw.get("MasterLabel"))


def _stage(pipeline: str, raw: Json) -> Stage:
    order = number(raw.get("SortOrder"))
    return Stage.of(
        {
            "id": stage_id(raw),
            "pipeline_id": pipeline,
            "name": raw.get("MasterLabel"),
            "sort_order": int(order) if order is not None else None,
            "probability": share(raw.get("DefaultProbability")),
            "is_closed": raw.get("IsClosed") is True,
            "is_won": raw.get("IsWon") is True,
            "forecast_category": raw.get("ForecastCategory"),
            "is_archived": raw.get("IsActive") is False,
            "created_at": raw.get("CreatedDate"),
            "updated_at": raw.get("SystemModstamp"),
            "deleted_at": None,
        }
    )


def closed_stages(stages: Iterable[Json], known: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The stages that close a deal; those that Salesforce dropped are what they were."""
    told = {stage_id(raw): raw.get("IsClosed") is True for raw in stages}
    dropped = {stage["id"] for stage in known if stage["id"] not in told and stage["is_closed"]}
    return frozenset(dropped | {id_ for id_, closed in told.items() if closed})


# -------------------------------------------------------------------------------------------------------- rates


def rates(
    currencies: Sequence[Json], dated: Sequence[Json], account: Account, known: Sequence[Mapping[str, Any]], rows: Rows
) -> Iterator[Page]:
    """What a unit of each currency is worth in the corporate one: by day where the org has dated rates, else for ever.

    Salesforce's rate is units per corporate unit: an amount in the corporate currency is the amount divided by it.
    """
    read_at = rows.client.now()
    with_days = {raw.get("IsoCode") for raw in dated}
    made: list[ExchangeRate] = []
    for raw in (*dated, *(raw for raw in currencies if raw.get("IsoCode") not in with_days)):
        rate, code = number(raw.get("ConversionRate")), raw.get("IsoCode")
        if code and code != account.currency and account.currency and rate:
            made.append(_rate(raw, code, account.currency, rate))
    gone = {str(row["id"]) for row in known if row.get("source") == "salesforce"} - {rate.id for rate in made}
    tombstones = [ExchangeRate.of({"id": id_, "deleted_at": read_at}) for id_ in sorted(gone)]
    yield Page(cursor={}, read_at=read_at, read=len(currencies) + len(dated), records=[*made, *tombstones])


def _rate(raw: Json, code: str, corporate: str, rate: Decimal) -> ExchangeRate:
    return ExchangeRate.of(
        {
            "id": str(raw["Id"]),
            "from_currency": code,
            "to_currency": corporate,
            "effective_from": raw.get("StartDate") or SINCE_EVER,
            "rate": 1 / rate,
            "source": "salesforce",
            "created_at": raw.get("CreatedDate"),
            "updated_at": raw.get("SystemModstamp"),
            "deleted_at": None,
        }
    )

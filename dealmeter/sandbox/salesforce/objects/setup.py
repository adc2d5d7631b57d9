"""The org itself: its people, roles, currencies, periods and record types."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from dealmeter.sandbox.record import Kind
from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.field import Field, field, reference
from dealmeter.sandbox.salesforce.objects.common import settings_audit, settings_row
from dealmeter.sandbox.salesforce.org import INTEGRATION_USER, QUEUE, QUEUE_NAME, Org
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.source import Settings
from dealmeter.sandbox.salesforce.texts import moment

INTEGRATION_NAME = "integration@example.com"
MASTER = "012000000000000AAA"
RATE_PLACES = 12
"""Digits after the point of a conversion rate: enough for the same cents as the world's own rates."""
Rows = Iterator[dict[str, Any]]


def objects(org: Org) -> Iterator[SObject]:
    yield _settings(org, "Organization", "00D", _organization(org), _organization_fields(), replicateable=False)
    yield _settings(org, "User", "005", lambda: _users(org), _user_fields(org))
    yield _settings(org, "Group", "00G", lambda: _groups(org), _group_fields())
    yield _settings(org, "UserRole", "00E", lambda: _roles(org), _role_fields())
    yield _settings(org, "RecordType", "012", lambda: _record_types(org), _record_type_fields())
    yield _settings(org, "Period", "26F", lambda: _periods(org), _period_fields(), replicateable=False)
    yield _settings(org, "FiscalYearSettings", "022", lambda: _fiscal_years(org), _fiscal_year_fields(), bulk=False)
    if org.features.multi_currency:
        yield _settings(org, "CurrencyType", "01L", lambda: _currencies(org), _currency_fields())
        if org.features.dated_rates:
            yield _settings(org, "DatedConversionRate", "04w", lambda: _dated_rates(org), _dated_rate_fields())


def _settings(org: Org, name: str, prefix: str, make: Any, fields: list[Field], **more: Any) -> SObject:
    return SObject(
        name=name,
        prefix=prefix,
        label=name,
        source=Settings(make),
        field_list=(*settings_audit(), *fields),
        **more,
    )


def _organization(org: Org) -> Any:
    account = org.world.account
    row = settings_row(
        "00D",
        account.id,
        org.born,
        Name=account.name,
        TimeZoneSidKey=account.zone.key,
        DefaultLocaleSidKey="en_US",
        LanguageLocaleKey="en_US",
        FiscalYearStartMonth=1,
        UsesStartDateAsFiscalYearName=True,
        OrganizationType="Enterprise Edition",
        InstanceName="SBX1",
        IsSandbox=True,
        Country=None,
    )
    return lambda: iter((row,))


def _organization_fields() -> list[Field]:
    texts = (
        *("Name", "TimeZoneSidKey", "DefaultLocaleSidKey", "LanguageLocaleKey", "OrganizationType"),
        *("InstanceName", "Country"),
    )
    return [
        *(field(name) for name in texts),
        field("FiscalYearStartMonth", "int"),
        field("UsesStartDateAsFiscalYearName", "boolean"),
        field("IsSandbox", "boolean"),
    ]


def _users(org: Org) -> Rows:
    yield _user(org, INTEGRATION_USER, org.born, org.born, INTEGRATION_NAME, "Integration", "User", None, True)
    names = {f"{owner.first_name} {owner.last_name}": owner.id for owner in org.owners()}
    for owner in org.owners():
        role = None if owner.team is None else ids.text("00E", owner.team.id)
        manager = names.get(owner.manager or "")
        row = _user(
            org,
            owner.id,
            owner.created,
            owner.modified,
            owner.email,
            owner.first_name,
            owner.last_name,
            role,
            not owner.archived,
        )
        yield row | {"ManagerId": None if manager is None else ids.text("005", manager)}


def _user(
    org: Org, id: int, created: int, modified: int, email: str, first: str, last: str, role: str | None, active: bool
) -> dict[str, Any]:
    row = settings_row(
        "005",
        id,
        modified,
        Username=email,
        FirstName=first,
        LastName=last,
        Name=f"{first} {last}".strip(),
        Alias=email[:8],
        Email=email,
        IsActive=active,
        UserType="Standard",
        UserRoleId=role,
        ManagerId=None,
        ProfileId=ids.text("00e", 1),
        Department=None,
        Division=None,
        Title=None,
        TimeZoneSidKey=org.zone.key,
        DefaultCurrencyIsoCode=org.world.account.currency,
        LastLoginDate=None,
    )
    return row | {"CreatedDate": moment(created)}


def _user_fields(org: Org) -> list[Field]:
    texts = (
        *("Username", "FirstName", "LastName", "Name", "Alias", "Email", "UserType", "Department", "Division"),
        *("Title", "TimeZoneSidKey"),
    )
    fields = [
        *(field(name) for name in texts),
        field("IsActive", "boolean"),
        reference("UserRoleId", "UserRole"),
        reference("ManagerId", "User"),
        reference("ProfileId", "Profile", relationship=""),
        field("LastLoginDate", "datetime"),
    ]
    if org.features.multi_currency:
        fields.append(field("DefaultCurrencyIsoCode", "picklist"))
    return fields


def _groups(org: Org) -> Rows:
    yield settings_row("00G", QUEUE, org.born, Name=QUEUE_NAME, DeveloperName=QUEUE_NAME, Type="Queue", Email=None)


def _group_fields() -> list[Field]:
    return [*(field(name) for name in ("Name", "DeveloperName", "Email")), field("Type", "picklist")]


def _roles(org: Org) -> Rows:
    for team in org.world.teams:
        yield settings_row(
            "00E",
            team.id,
            org.born,
            Name=team.name,
            DeveloperName=f"Team_{team.id}",
            ParentRoleId=None,
            RollupDescription=None,
        )


def _role_fields() -> list[Field]:
    names = ("Name", "DeveloperName", "RollupDescription")
    return [*(field(name) for name in names), reference("ParentRoleId", "UserRole", relationship="")]


@cache
def record_type_id(pipeline: str) -> str | None:
    """Of a pipeline, by its id: a number, or one of the few that have a name."""
    return ids.text("012", int(pipeline)) if pipeline.isdigit() else ids.text("012", 1 + sum(pipeline.encode()))


def _record_types(org: Org) -> Rows:
    for pipeline in org.world.pipelines_of(Kind.DEAL):
        row = settings_row(
            "012",
            0,
            pipeline.created or org.born,
            Name=pipeline.label,
            DeveloperName=pipeline.label.replace(" ", "_"),
            SobjectType="Opportunity",
            IsActive=True,
            Description=None,
        )
        yield row | {"Id": record_type_id(pipeline.id)}


def _record_type_fields() -> list[Field]:
    names = ("Name", "DeveloperName", "SobjectType", "Description")
    return [*(field(name) for name in names), field("IsActive", "boolean")]


def period_id(month: date) -> str:
    return ids.text("26F", month.year * 100 + month.month)


def _periods(org: Org) -> Rows:
    """The months of five years around the present."""
    year = org.world.clock.now().year
    for month in (date(each, number, 1) for each in range(year - 3, year + 2) for number in range(1, 13)):
        following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        row = settings_row(
            "26F",
            0,
            org.born,
            StartDate=month.isoformat(),
            EndDate=date.fromordinal(following.toordinal() - 1).isoformat(),
            Type="Month",
            Number=month.month,
            IsForecastPeriod=True,
        )
        yield row | {"Id": period_id(month)}


def _period_fields() -> list[Field]:
    return [
        field("StartDate", "date"),
        field("EndDate", "date"),
        field("Type", "picklist"),
        field("Number", "int"),
        field("IsForecastPeriod", "boolean"),
    ]


def _fiscal_years(org: Org) -> Rows:
    year = org.world.clock.now().year
    for each in range(year - 3, year + 2):
        yield settings_row(
            "022",
            each,
            org.born,
            Name=str(each),
            StartDate=f"{each}-01-01",
            EndDate=f"{each}-12-31",
            IsStandardYear=True,
            PeriodId=None,
        )


def _fiscal_year_fields() -> list[Field]:
    dates = (field(name, "date") for name in ("StartDate", "EndDate"))
    return [field("Name"), *dates, field("IsStandardYear", "boolean"), reference("PeriodId", "Period")]


def _currencies(org: Org) -> Rows:
    account = org.world.account
    for code, worth in {account.currency: Decimal(1), **account.rates}.items():
        yield settings_row(
            "01L",
            _code(code),
            max([org.born, *(rate.since for rate in org.world.rates if rate.currency == code)]),
            IsoCode=code,
            ConversionRate=conversion_rate(worth),
            DecimalPlaces=2,
            IsActive=True,
            IsCorporate=code == account.currency,
        )


def conversion_rate(worth: Decimal) -> float:
    """Units of a currency that one unit of the corporate currency buys."""
    return float(round(Decimal(1) / worth, RATE_PLACES))


def _code(currency: str) -> int:
    return int.from_bytes(currency.encode(), "big")


def _currency_fields() -> list[Field]:
    return [
        field("IsoCode", "picklist"),
        field("ConversionRate", "double", scale=RATE_PLACES),
        field("DecimalPlaces", "int"),
        field("IsActive", "boolean"),
        field("IsCorporate", "boolean"),
    ]


def _dated_rates(org: Org) -> Rows:
    for rate in org.world.rates:
        yield settings_row(
            "04w",
            rate.id,
            rate.since,
            IsoCode=rate.currency,
            StartDate=org.day(rate.since),
            NextStartDate="9999-12-31" if rate.until is None else org.day(rate.until),
            ConversionRate=conversion_rate(rate.worth),
        )


def _dated_rate_fields() -> list[Field]:
    return [
        field("IsoCode", "picklist"),
        field("StartDate", "date"),
        field("NextStartDate", "date"),
        field("ConversionRate", "double", scale=RATE_PLACES),
    ]

"""Opportunities with their stages, histories, contact roles and splits."""

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from dealmeter.sandbox.account import Stage
from dealmeter.sandbox.record import Kind, Record, Value
from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.field import Field, field, reference
from dealmeter.sandbox.salesforce.objects.common import (
    amount,
    audit,
    currency_field,
    custom,
    day_field,
    link,
    local_noon,
    named,
    of,
    owner_field,
    settings_audit,
    settings_row,
    sobject,
    str_number,
    text,
)
from dealmeter.sandbox.salesforce.objects.past import opportunity_history, tracked
from dealmeter.sandbox.salesforce.objects.products import STANDARD_PRICEBOOK
from dealmeter.sandbox.salesforce.objects.setup import record_type_id
from dealmeter.sandbox.salesforce.objects.stages import (
    CATEGORY_NAMES,
    categories,
    close_day,
    forecast_category,
    probability,
    stage_named,
    stage_of,
)
from dealmeter.sandbox.salesforce.org import Org
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.source import Past, Settings
from dealmeter.sandbox.salesforce.texts import moment, number, stamp, titled

TYPES = {"newbusiness": "New Business", "existingbusiness": "Existing Business"}
PREDICTION = "Prediction__r.Value__c"
Read = Callable[[Record], Any]


def objects(org: Org) -> Iterator[SObject]:
    deals = org.mirror(Kind.DEAL)
    yield sobject("OpportunityStage", "01J", Settings(lambda: _stages(org)), _stage_fields(), replicateable=False)
    yield sobject("Opportunity", "006", deals, _opportunity(org))
    yield opportunity_history(org, deals)
    if org.features.tracking:
        yield tracked(
            org,
            "OpportunityFieldHistory",
            "017",
            "OpportunityId",
            "Opportunity",
            "006",
            deals,
            {
                "stage": ("StageName", "Text", lambda value: _stage_name(org, value)),
                "amount": ("Amount", "Currency", number),
                "close_at": ("CloseDate", "DateOnly", org.day),
                "forecast_category": ("ForecastCategoryName", "Text", lambda value: CATEGORY_NAMES.get(str(value))),
                "owner": ("Owner", "EntityId", org.user),
            },
        )
    roles = Past(
        lambda deal: [deal.created] * len(org.world.links.of(Kind.DEAL, deal.id, Kind.CONTACT)),
        lambda deal, place, second: _role(org, deal, place, second),
        linked=True,
    )
    yield sobject("OpportunityContactRole", "00K", org.history("roles", deals, roles), _role_fields())
    if org.features.splits:
        yield sobject("OpportunitySplitType", "149", Settings(lambda: _split_types(org)), _split_type_fields())
        yield sobject("OpportunitySplit", "04X", org.mirror(Kind.DEAL_SPLIT), _split(org))


# Opportunity


def _opportunity(org: Org) -> list[Field]:
    return [*audit(org, "006"), *_written(org), *_derived(org), *_custom(org)]


def _written(org: Org) -> list[Field]:
    """What people fill in."""
    world = org.world

    def store_stage(value: Any) -> dict[str, Value]:
        found = stage_named(org, str(value))
        return {} if found is None else {"pipeline": found[0].id, "stage": found[1].id}

    fields = [
        field("Name", "string", lambda deal: deal.fields.get("name") or "Opportunity", store=lambda v: {"name": v}),
        link(org, "AccountId", "Account", "001", Kind.DEAL, Kind.COMPANY),
        field(
            "StageName",
            "picklist",
            lambda deal: _stage_name(org, deal.fields.get("stage")),
            nillable=False,
            picklist=lambda: dict.fromkeys(stage.label for pipe in world.pipelines for stage in pipe.stages),
            store=store_stage,
        ),
        field("Amount", "currency", _amount(org), store=lambda v: {"amount": None if v is None else str(v)}),
        field(
            "CloseDate",
            "date",
            lambda deal: close_day(org, deal),
            nillable=False,
            store=lambda v: {"close_at": None if v is None else local_noon(org, str(v))},
        ),
        field(
            "Type",
            "picklist",
            lambda deal: TYPES.get(str(deal.fields.get("type"))),
            picklist=TYPES.values,
            store=lambda v: {"type": next((name for name, label in TYPES.items() if label == v), None)},
        ),
        field("LeadSource", "picklist", lambda deal: titled(deal.fields.get("source"))),
        text("NextStep", "next_step"),
        text("Description", "description", "textarea"),
        field(
            "ForecastCategoryName",
            "picklist",
            lambda deal: CATEGORY_NAMES[forecast_category(org, deal)],
            picklist=lambda: CATEGORY_NAMES.values(),
            store=lambda v: {"forecast_category": categories(v)},
        ),
        named("CampaignId", "Campaign", "701", "campaign"),
        owner_field(org),
        *currency_field(org),
    ]
    if len(world.pipelines) > 1:
        fields.append(
            reference("RecordTypeId", "RecordType", lambda deal: record_type_id(str(deal.fields.get("pipeline"))))
        )
    return fields


def _derived(org: Org) -> list[Field]:
    """What Salesforce works out."""
    links = org.world.links

    def expected(deal: Record) -> float | None:
        value = _amount(org)(deal)
        return None if value is None else round(value * probability(org, deal) / 100, 2)

    def moved(deal: Record) -> str | None:
        changes = deal.history.get("stage", ())
        return moment(changes[-1].at) if len(changes) > 1 else None

    def quarter(deal: Record) -> int:
        return (int(close_day(org, deal)[5:7]) + 2) // 3

    def fiscal(deal: Record) -> str:
        return f"{close_day(org, deal)[:4]} {quarter(deal)}"

    def flag(holds: Callable[[Stage], bool]) -> Read:
        def read(deal: Record) -> bool:
            stage = stage_of(org, deal)
            return stage is not None and holds(stage)

        return read

    return [
        field("Probability", "percent", lambda deal: probability(org, deal), scale=0),
        field("ExpectedRevenue", "currency", expected),
        field("IsClosed", "boolean", flag(lambda stage: stage.closed)),
        field("IsWon", "boolean", flag(lambda stage: stage.won)),
        field("ForecastCategory", "picklist", lambda deal: forecast_category(org, deal)),
        field("HasOpportunityLineItem", "boolean", lambda deal: bool(links.of(Kind.DEAL, deal.id, Kind.LINE_ITEM))),
        field("HasOpenActivity", "boolean", lambda deal: False, filterable=False, sortable=False),
        field("HasOverdueTask", "boolean", lambda deal: False, filterable=False, sortable=False),
        reference("Pricebook2Id", "Pricebook2", lambda deal: STANDARD_PRICEBOOK, relationship="Pricebook2"),
        field("FiscalYear", "int", lambda deal: int(close_day(org, deal)[:4])),
        field("FiscalQuarter", "int", quarter),
        field("Fiscal", "string", fiscal),
        day_field(org, "LastActivityDate", "last_activity_at"),
        field("LastStageChangeDate", "datetime", moved),
        link(org, "ContactId", "Contact", "003", Kind.DEAL, Kind.CONTACT, relationship=""),
        field("PushCount", "int", _pushes(org), since=53.0),
    ]


def _custom(org: Org) -> list[Field]:
    return [
        text("Loss_Reason__c", "lost_reason"),
        text("Priority__c", "priority", "picklist", picklist=lambda: ("low", "medium", "high")),
        amount("Score__c", "score", "double", 0, calculated=True, formula=PREDICTION),
        amount("Predicted_Amount__c", "predicted_amount", calculated=True, formula=PREDICTION),
        *custom(org, Kind.DEAL),
    ]


def _amount(org: Org) -> Read:
    if org.features.multi_currency:
        return lambda deal: number(deal.fields.get("amount"))
    return lambda deal: corporate(org, deal.fields.get("amount"), deal)


def corporate(org: Org, value: Value, record: Record) -> float | None:
    """What a single-currency org holds."""
    try:
        return number(org.corporate(Decimal(str(value)), record.fields.get("currency"))) if value else None
    except InvalidOperation:
        return None


def _pushes(org: Org) -> Read:
    """How often the close date moved to a later month."""

    def count(deal: Record) -> int:
        days = [org.day(change.value) or "" for change in deal.history.get("close_at", ())]
        return sum(later[:7] > earlier[:7] for earlier, later in pairwise(days))

    return count


def _stage_name(org: Org, id: Value) -> str:
    stage = org.world.stage(id)
    return stage.label if stage else str(id)


def _stages(org: Org) -> Iterator[dict[str, Any]]:
    """Every stage of every pipeline; one that several share is listed once."""
    seen: set[str] = set()
    for pipeline in org.world.pipelines_of(Kind.DEAL):
        for stage in pipeline.stages:
            if stage.label in seen:
                continue
            seen.add(stage.label)
            category = "Closed" if stage.won else "Omitted" if stage.lost else "Pipeline"
            yield settings_row(
                "01J",
                len(seen),
                pipeline.created or org.born,
                ApiName=stage.label,
                MasterLabel=stage.label,
                IsActive=not stage.deleted,
                SortOrder=len(seen),
                IsClosed=stage.closed,
                IsWon=stage.won,
                ForecastCategory=category,
                ForecastCategoryName=category,
                DefaultProbability=float(Decimal(stage.probability) * 100),
                Description=None,
            )


def _stage_fields() -> list[Field]:
    texts = ("ApiName", "MasterLabel", "ForecastCategory", "ForecastCategoryName", "Description")
    return [
        *settings_audit(),
        *(field(name) for name in texts),
        *(field(name, "boolean") for name in ("IsActive", "IsClosed", "IsWon")),
        field("SortOrder", "int"),
        field("DefaultProbability", "percent", scale=0),
    ]


# Who takes part


def _role(org: Org, deal: Record, place: int, second: int) -> dict[str, Any]:
    contacts = org.world.links.of(Kind.DEAL, deal.id, Kind.CONTACT)
    at = stamp(second)
    return {
        "Id": ids.text("00K", deal.id * 1_000 + place),
        "IsDeleted": False,
        "CreatedDate": at,
        "LastModifiedDate": at,
        "SystemModstamp": at,
        "CreatedById": org.owner(deal),
        "LastModifiedById": org.owner(deal),
        "OpportunityId": ids.text("006", deal.id),
        "ContactId": ids.text("003", contacts[place]) if place < len(contacts) else None,
        "Role": "Decision Maker" if place == 0 else "Influencer",
        "IsPrimary": place == 0,
    }


def _role_fields() -> list[Field]:
    return [
        *settings_audit(),
        field("IsDeleted", "boolean"),
        reference("CreatedById", "User"),
        reference("LastModifiedById", "User"),
        reference("OpportunityId", "Opportunity"),
        reference("ContactId", "Contact"),
        field("Role", "picklist"),
        field("IsPrimary", "boolean"),
    ]


SPLIT_TYPES = {"revenue": (1, "Revenue", True), "overlay": (2, "Overlay", False)}


def _split_types(org: Org) -> Iterator[dict[str, Any]]:
    for serial, label, totals in SPLIT_TYPES.values():
        yield settings_row(
            "149", serial, org.born, MasterLabel=label, DeveloperName=label, IsActive=True, IsTotalValidated=totals
        )


def _split_type_fields() -> list[Field]:
    return [
        *settings_audit(),
        field("MasterLabel"),
        field("DeveloperName"),
        field("IsActive", "boolean"),
        field("IsTotalValidated", "boolean"),
    ]


def _split(org: Org) -> list[Field]:
    def kind(split: Record) -> str | None:
        found = SPLIT_TYPES.get(str(split.fields.get("kind")))
        return ids.text("149", found[0]) if found else None

    return [
        *audit(org, "04X"),
        named("OpportunityId", "Opportunity", "006", "deal", nillable=False),
        reference("SplitOwnerId", "User", org.owner, store=lambda v: {"owner": str_number(v)}),
        reference("SplitTypeId", "OpportunitySplitType", kind),
        amount("SplitPercentage", "percent", "percent"),
        amount("SplitAmount", "amount"),
        field("SplitNote", "string", of("note")),
        *currency_field(org),
    ]

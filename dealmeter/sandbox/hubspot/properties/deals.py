"""Deal properties: what people fill in, what HubSpot works out, and one set of dates per stage."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from dealmeter.sandbox.account import Stage
from dealmeter.sandbox.hubspot.properties.common import count_links
from dealmeter.sandbox.hubspot.properties.stages import stage_properties
from dealmeter.sandbox.hubspot.property import Options, Property, Reader, calculated, options, shown, stored, yes
from dealmeter.sandbox.record import ACTIVITIES, Kind, Record
from dealmeter.sandbox.world import World

DAY = 86_400_000
GROUP = "dealinformation"
CATEGORIES = ("OMIT", "PIPELINE", "BEST_CASE", "COMMIT", "CLOSED")
SOURCES = ("ORGANIC_SEARCH", "PAID_SEARCH", "EMAIL_MARKETING", "SOCIAL_MEDIA", "REFERRALS", "OTHER_CAMPAIGNS",
           "DIRECT_TRAFFIC", "OFFLINE", "PAID_SOCIAL", "AI_REFERRALS")  # fmt: skip


def deal_properties(world: World) -> list[Property]:
    return [*_typed(world), *_outcomes(world), *_money(world), *_counts(world), *stage_properties(world, GROUP)]


def _typed(world: World) -> list[Property]:
    """Everything that somebody writes."""
    return [
        stored("dealname", "name", label="Deal Name", group=GROUP),
        stored("amount", "amount", "number", label="Amount", group=GROUP),
        stored("deal_currency_code", "currency", "enumeration", label="Currency", options=_currencies(world)),
        stored("hs_exchange_rate", "exchange_rate", "number", label="Exchange rate", group=GROUP),
        stored("pipeline", "pipeline", "enumeration", label="Pipeline", group=GROUP, options=_pipelines(world)),
        stored("dealstage", "stage", "enumeration", label="Deal Stage", group=GROUP, options=_stages(world)),
        stored("closedate", "close_at", "datetime", label="Close Date", group=GROUP),
        stored(
            "dealtype", "type", "enumeration", label="Deal Type", options=options(("newbusiness", "existingbusiness"))
        ),
        stored("hs_priority", "priority", "enumeration", options=options(("low", "medium", "high"))),
        stored("description", "description"),
        stored("hs_next_step", "next_step"),
        stored("hs_manual_forecast_category", "forecast_category", "enumeration", options=options(CATEGORIES)),
        stored("closed_lost_reason", "lost_reason", label="Closed Lost Reason", group=GROUP),
        stored("closed_won_reason", "won_reason", label="Closed Won Reason", group=GROUP),
        stored("hs_analytics_source", "source", "enumeration", label="Original Source Type", options=options(SOURCES)),
        stored("hs_campaign", "campaign"),
    ]


def _outcomes(world: World) -> list[Property]:
    """What the stage and the dates say about how it went."""
    return [
        calculated("hs_is_closed", "bool", _flag(world, lambda stage: stage.closed), group=GROUP),
        calculated("hs_is_closed_won", "bool", _flag(world, lambda stage: stage.won), group=GROUP),
        calculated("hs_is_closed_lost", "bool", _flag(world, lambda stage: stage.lost), group=GROUP),
        calculated("hs_deal_stage_probability", "number", _probability(world), group=GROUP),
        calculated("days_to_close", "number", _days_to_close(world), label="Days to close", group=GROUP),
        calculated("hs_days_to_close_raw", "number", _raw_days_to_close(world), group=GROUP),
        calculated("hs_closed_won_date", "datetime", _closed_won_date(world), group=GROUP),
        calculated("hs_primary_associated_company", "number", _primary_company(world)),
        Property(name="hs_deal_score", label="Deal score", type="number", read=_field("score"), group=GROUP),
        Property(name="hs_predicted_amount", label="Predicted", type="number", read=_field("predicted_amount")),
        calculated("notes_last_updated", "datetime", lambda record: shown(record.fields.get("last_activity_at"))),
        calculated("notes_last_contacted", "datetime", lambda record: shown(record.fields.get("last_activity_at"))),
        calculated("hs_is_stalled_after_timestamp", "datetime", lambda record: str(record.modified + 30 * DAY)),
    ]


def _money(world: World) -> list[Property]:
    """Sums in the account's currency and weighted by probability."""
    home, amount = _home(world), _field("amount")

    def when(holds: Callable[[Stage], bool], read: Reader) -> Reader:
        def value(record: Record) -> str | None:
            stage = world.stage(record.fields.get("stage"))
            return read(record) if stage and holds(stage) else "0" if stage else None

        return value

    return [
        calculated("amount_in_home_currency", "number", home, label="Amount in company currency", group=GROUP),
        calculated("hs_forecast_amount", "number", amount),
        calculated("hs_closed_amount", "number", when(lambda stage: stage.won, amount)),
        calculated("hs_closed_amount_in_home_currency", "number", when(lambda stage: stage.won, home)),
        calculated("hs_open_amount_in_home_currency", "number", when(lambda stage: not stage.closed, home)),
        calculated("hs_projected_amount", "number", _weighted(world, amount)),
        calculated("hs_projected_amount_in_home_currency", "number", _weighted(world, home)),
    ]


def _counts(world: World) -> list[Property]:
    def notes(record: Record) -> str | None:
        return str(sum(len(world.links.of(Kind.DEAL, record.id, kind)) for kind in ACTIVITIES))

    return [
        calculated("num_associated_contacts", "number", count_links(world, Kind.DEAL, Kind.CONTACT)),
        calculated("hs_num_of_associated_line_items", "number", count_links(world, Kind.DEAL, Kind.LINE_ITEM)),
        calculated("num_notes", "number", notes),
    ]


def _field(name: str) -> Reader:
    return lambda record: shown(record.fields.get(name))


def _flag(world: World, holds: Callable[[Stage], bool]) -> Reader:
    def flag(record: Record) -> str | None:
        stage = world.stage(record.fields.get("stage"))
        return yes(stage is not None and holds(stage))

    return flag


def _probability(world: World) -> Reader:
    """With all the digits of a binary fraction, as the real answers carry it."""

    def probability(record: Record) -> str | None:
        stage = world.stage(record.fields.get("stage"))
        if stage is None or stage.deleted:
            return None
        return stage.probability if stage.closed else str(Decimal(float(stage.probability)))

    return probability


def _days_to_close(world: World) -> Reader:
    raw = _raw_days_to_close(world)

    def days(record: Record) -> str | None:
        found = raw(record)
        return None if found is None else str(max(0, int(float(found))))

    return days


def _raw_days_to_close(world: World) -> Reader:
    def days(record: Record) -> str | None:
        close, stage = record.fields.get("close_at"), world.stage(record.fields.get("stage"))
        if not isinstance(close, int) or stage is None or not stage.closed:
            return None
        return repr((close - record.created) / DAY)

    return days


def _closed_won_date(world: World) -> Reader:
    def date(record: Record) -> str | None:
        stage = world.stage(record.fields.get("stage"))
        return shown(record.fields.get("close_at")) if stage and stage.won else None

    return date


def _primary_company(world: World) -> Reader:
    def company(record: Record) -> str | None:
        found = world.links.primary(Kind.DEAL, record.id, Kind.COMPANY)
        return None if found is None else str(found)

    return company


def _home(world: World) -> Reader:
    def amount(record: Record) -> str | None:
        fields = record.fields
        if not fields.get("amount"):
            return shown(fields.get("amount"))
        return _product(fields.get("amount"), fields.get("exchange_rate") or "1")

    return amount


def _weighted(world: World, read: Reader) -> Reader:
    probability = _probability(world)
    return lambda record: _product(read(record), probability(record))


def _product(one: object, other: object) -> str | None:
    """None where a factor is missing or not a number: HubSpot's formulas give up quietly."""
    try:
        return format((Decimal(str(one)) * Decimal(str(other))).normalize(), "f")
    except InvalidOperation:
        return None


def _currencies(world: World) -> Options:
    return tuple((code, code) for code in {world.account.currency: 1, **world.account.rates})


def _pipelines(world: World) -> Options:
    return tuple((pipeline.id, pipeline.label) for pipeline in world.pipelines)


def _stages(world: World) -> Options:
    return tuple(
        (stage.id, f"{stage.label} ({pipeline.label})")
        for pipeline in world.pipelines
        for stage in pipeline.stages
        if not stage.deleted
    )

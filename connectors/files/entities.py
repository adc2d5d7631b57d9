"""What each file holds: its record, the columns that it needs, and what names a row that has no id."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from store import records
from store.records import Detail, Statement

ID = "id"
SET_BY_US = frozenset({"extra", "source_url", "deleted_at", "merged_into_id"})
"""Fields of a record that no column fills; `source_url` may, but nobody needs to be told of it."""


@dataclass(frozen=True)
class Entity:
    """One kind of file.

    `needs` are columns without which a row says nothing; `a|b` means one of them. `named_by` says which columns make
    the id of a row where the file has no column `id`: the first choice whose first column is there, with those of the
    others that are there. A single column is the id itself, several are hashed. A detail has keys of its own.
    """

    record: type[Statement]
    named_by: tuple[str, ...] = ()
    needs: str = ""

    @property
    def name(self) -> str:
        """The name of the table, of the stream, and of the file without `.csv`."""
        return self.record.table

    @property
    def is_detail(self) -> bool:
        """Whether its rows have no id of their own."""
        return issubclass(self.record, Detail)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that we understand, keys first."""
        names = [*self.record.keys, *self.record.model_fields]
        return tuple(dict.fromkeys(name for name in names if name not in SET_BY_US - {"source_url"}))

    @cached_property
    def needed(self) -> tuple[tuple[str, ...], ...]:
        """The columns that a file needs beside its id, each with its alternatives."""
        keys = [(name,) for name in self.record.keys if name != ID]
        return (*keys, *(tuple(need.split("|")) for need in self.needs.split()))

    def naming(self, header: frozenset[str]) -> tuple[str, ...] | None:
        """The columns that make the id of a row under this header; None where nothing does."""
        if ID in header or self.is_detail:
            return ()
        for choice in self.named_by:
            first, *others = choice.split()
            if first in header:
                return (first, *(name for name in others if name in header))
        return None


def _all(*entities: Entity) -> Mapping[str, Entity]:
    return {entity.name: entity for entity in entities}


ENTITIES: Mapping[str, Entity] = _all(
    Entity(records.User, ("email", "name")),
    Entity(records.Team, ("name",)),
    Entity(records.TeamMembership),
    Entity(records.Company, ("name", "domain")),
    Entity(records.Contact, ("email", "name company_id")),
    Entity(records.Lead, ("name contact_id company_id created_at", "contact_id company_id created_at")),
    Entity(records.LeadStageChange),
    Entity(records.Campaign, ("name",)),
    Entity(records.CampaignMember, ("campaign_id lead_id contact_id",), "campaign_id lead_id|contact_id"),
    Entity(records.Pipeline, ("name",)),
    Entity(records.Stage, ("name",)),
    Entity(records.Deal, ("name company_id created_at",)),
    Entity(records.DealStageChange, needs="stage_id"),
    Entity(records.DealFieldChange, needs="new_value"),
    Entity(records.DealContact),
    Entity(records.DealSplit, ("deal_id user_id kind",), "deal_id user_id percent|amount"),
    Entity(records.Product, ("sku", "name")),
    Entity(records.LineItem, ("deal_id product_id name billing_start",), "deal_id"),
    Entity(records.Order, ("company_id deal_id ordered_on", "deal_id ordered_on"), "ordered_on amount"),
    Entity(records.Activity, ("type owner_id occurred_at due_at subject",), "type occurred_at|completed_at|due_at"),
    Entity(records.ActivityLink),
    Entity(records.MeetingInvite),
    Entity(records.Ticket, ("company_id created_at",), "created_at"),
    Entity(records.SurveyResponse, ("type survey_id company_id contact_id responded_at",), "type score responded_at"),
    Entity(
        records.Spend,
        ("category spent_on period_start period_end campaign_id source team currency",),
        "category spent_on|period_start amount",
    ),
    Entity(
        records.Target,
        ("kpi_key scope_type scope_id period_start period_end currency version",),
        "kpi_key period_start period_end value",
    ),
    Entity(
        records.ForecastSubmission,
        ("submitted_by submitted_at scope_type scope_id period_start period_end category currency",),
        "submitted_at period_start period_end amount",
    ),
    Entity(records.Subscription, ("company_id product_id start_date",), "company_id mrr start_date"),
    Entity(
        records.ExchangeRate,
        ("from_currency to_currency effective_from",),
        "from_currency to_currency effective_from rate",
    ),
    Entity(records.TrainingEvent, ("user_id title completed_on",), "user_id"),
    Entity(
        records.CompetitorPrice,
        ("competitor product_id region currency observed_on",),
        "competitor product_id price",
    ),
    Entity(records.ProductUsage, ("company_id product_id day",), "company_id day"),
    Entity(records.UnitCost, ("product_id valid_from currency",), "product_id cost"),
)
"""By the name of the file, parents before children."""

ACCOUNT = Entity(records.Account, ("name", "base_currency", "time_zone"))
"""The company itself: `accounts.csv`, with one row."""

"""Who is sold to: companies, contacts, leads and the campaigns that brought them."""

from typing import ClassVar

from store.columns import Day, Instant, Number, Whole, instant, instant_key, key, number
from store.records.base import Detail, Record


class Company(Record):
    """A company, as customer or prospect."""

    table: ClassVar[str] = "companies"
    name: str | None = None
    domain: str | None = None
    country: str | None = None
    state: str | None = None
    city: str | None = None
    region: str | None = None
    industry: str | None = None
    employees: Whole | None = None
    size_band: str | None = None
    annual_revenue: Number | None = number()
    owner_id: str | None = None
    parent_id: str | None = None
    lifecycle: str | None = None
    source: str | None = None


class Contact(Record):
    """A person at a company; `company_id` is the primary one."""

    table: ClassVar[str] = "contacts"
    company_id: str | None = None
    name: str | None = None
    email: str | None = None
    owner_id: str | None = None
    source: str | None = None
    lifecycle: str | None = None
    country: str | None = None
    first_contacted_at: Instant | None = instant()


class Lead(Record):
    """A possible customer before there is a deal."""

    table: ClassVar[str] = "leads"
    name: str | None = None
    contact_id: str | None = None
    company_id: str | None = None
    owner_id: str | None = None
    source: str | None = None
    source_category: str | None = None
    campaign_id: str | None = None
    status: str | None = None
    stage_id: str | None = None
    assigned_at: Instant | None = instant()
    first_contacted_at: Instant | None = instant()
    qualified_at: Instant | None = instant()
    qualified_level: str | None = None
    converted_at: Instant | None = instant()
    converted_deal_id: str | None = None
    disqualified_at: Instant | None = instant()
    disqualify_reason: str | None = None


class LeadStageChange(Detail):
    """A lead's entry into a stage."""

    table: ClassVar[str] = "lead_stage_changes"
    keys: ClassVar[tuple[str, ...]] = ("lead_id", "changed_at")
    lead_id: str = key()
    changed_at: Instant = instant_key()
    from_stage: str | None = None
    to_stage: str | None = None
    changed_by: str | None = None


class Campaign(Record):
    """A marketing campaign; days are local, money in `currency`."""

    table: ClassVar[str] = "campaigns"
    name: str | None = None
    type: str | None = None
    channel: str | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    budget: Number | None = number()
    actual_cost: Number | None = number()
    currency: str | None = None


class CampaignMember(Record):
    """A lead or contact that a campaign reached."""

    table: ClassVar[str] = "campaign_members"
    campaign_id: str | None = None
    lead_id: str | None = None
    contact_id: str | None = None
    responded_at: Instant | None = instant()

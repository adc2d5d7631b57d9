"""Record types: what a connector may say. Frozen, validated, vendor-free. Fields: `docs/tables.md`."""

from store.records.base import Detail, Record, Statement
from store.records.customers import Campaign, CampaignMember, Company, Contact, Lead, LeadStageChange
from store.records.deals import (
    Deal,
    DealContact,
    DealFieldChange,
    DealSplit,
    DealStageChange,
    LineItem,
    Order,
    Pipeline,
    Product,
    Stage,
)
from store.records.organisation import Account, Team, TeamMembership, User
from store.records.plans import (
    CompetitorPrice,
    ExchangeRate,
    ForecastSubmission,
    ProductUsage,
    Spend,
    Subscription,
    Target,
    TrainingEvent,
    UnitCost,
)
from store.records.service import Activity, ActivityLink, MeetingInvite, SurveyResponse, Ticket

ENTITIES: tuple[type[Statement], ...] = (
    Account, User, Team, TeamMembership,
    Company, Contact, Lead, LeadStageChange, Campaign, CampaignMember,
    Pipeline, Stage, Deal, DealStageChange, DealFieldChange, DealContact, DealSplit, Product, LineItem, Order,
    Activity, ActivityLink, MeetingInvite, Ticket, SurveyResponse,
    Spend, Target, ForecastSubmission, Subscription, ExchangeRate, TrainingEvent, CompetitorPrice, ProductUsage,
    UnitCost,
)  # fmt: skip

__all__ = [
    "ENTITIES",
    "Account",
    "Activity",
    "ActivityLink",
    "Campaign",
    "CampaignMember",
    "Company",
    "CompetitorPrice",
    "Contact",
    "Deal",
    "DealContact",
    "DealFieldChange",
    "DealSplit",
    "DealStageChange",
    "Detail",
    "ExchangeRate",
    "ForecastSubmission",
    "Lead",
    "LeadStageChange",
    "LineItem",
    "MeetingInvite",
    "Order",
    "Pipeline",
    "Product",
    "ProductUsage",
    "Record",
    "Spend",
    "Stage",
    "Statement",
    "Subscription",
    "SurveyResponse",
    "Target",
    "Team",
    "TeamMembership",
    "Ticket",
    "TrainingEvent",
    "UnitCost",
    "User",
]

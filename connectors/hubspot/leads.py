"""A lead's past: from the stages of the leads object, or from the lifecycle of a contact where there is no such object.

Sales Hub Professional has leads of their own. Elsewhere a contact is a lead from the moment on when its lifecycle stage
is `lead` or one behind it, under the id `contact:<id>`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.hubspot.past import KEPT_OF_CONTACTS, Entry, Past, entries, forgotten
from connectors.hubspot.shapes import Account, moment
from store.records import Lead, LeadStageChange, Statement

Raw = Mapping[str, Any]
PREFIX = "contact:"
LIFECYCLE_HISTORY = ("lifecyclestage", "hs_lead_status")
NO_LEADS = frozenset({"subscriber", "evangelist", "other"})
"""Lifecycle stages that make nobody a lead. Stages of the account's own making do."""
MARKETING_QUALIFIED, SALES_QUALIFIED = "marketingqualifiedlead", "salesqualifiedlead"
CONVERTED = ("opportunity", "customer")
LEVELS: Mapping[str, str] = {
    MARKETING_QUALIFIED: "MQL", SALES_QUALIFIED: "SQL", "opportunity": "SQL", "customer": "SQL"
}  # fmt: skip
DISQUALIFIED = "UNQUALIFIED"


def lead_past(raw: Raw, account: Account) -> Past:
    """Entries into stages; when it was first qualified, and when disqualified if it is now.

    HubSpot doesn't say when a deal came of a lead: a lead with deals is converted when it was first qualified.
    """
    history, states = raw["propertiesWithHistory"].get("hs_pipeline_stage"), account.stage_states
    walk, created_at = entries(history, account), moment(raw.get("createdAt"))
    is_forgotten = forgotten(history, created_at)
    past = Past(_changes(str(raw["id"]), walk, is_forgotten=is_forgotten))
    qualified = _first(walk, (stage for stage, state in states.items() if state == "QUALIFIED"))
    if walk and (qualified is not None or not is_forgotten):
        count = (raw["properties"].get("hs_lead_associated_deals_count") or "0").removesuffix(".0")
        past.values |= {
            "qualified_at": qualified,
            "qualified_level": "SQL" if qualified is not None else None,
            "converted_at": qualified if count != "0" else None,
        }
    last = walk[-1] if walk else None
    is_out = last is not None and states.get(last.value or "") == DISQUALIFIED
    past.values["disqualified_at"] = last.at if last is not None and is_out else None
    return past


def lead_of_contact(values: dict[str, Any], raw: Raw, account: Account) -> list[Statement]:
    """The lead that a contact is, with its entries into lifecycle stages; nothing for a contact that never was one."""
    id_, history = PREFIX + str(values["id"]), raw.get("propertiesWithHistory")
    if not history:
        return []
    properties, told = raw["properties"], history.get("lifecyclestage")
    walk = [entry for entry in entries(told, account) if entry.value not in NO_LEADS]
    known = [entry for entry in walk if entry.value is not None]
    if not known:
        return []
    is_forgotten = forgotten(told, moment(raw.get("createdAt")), KEPT_OF_CONTACTS)
    reached = {LEVELS.get(entry.value or "") for entry in known} - {None}
    status = entries(history.get("hs_lead_status"), account)
    is_out = bool(status) and status[-1].value == DISQUALIFIED
    beginnings: dict[str, Any] = {"created_at": moment(raw.get("createdAt"))}
    if not is_forgotten:  # else what is stored stays
        beginnings = {
            "created_at": known[0].at,
            "qualified_at": _first(known, LEVELS),
            "qualified_level": "SQL" if "SQL" in reached else "MQL" if reached else None,
            "converted_at": _first(known, CONVERTED),
        }
    lead = Lead(
        **beginnings,
        id=id_,
        name=values.get("name"),
        contact_id=str(values["id"]),
        company_id=values.get("company_id"),
        owner_id=values.get("owner_id"),
        source=values.get("source"),
        status=(properties.get("hs_lead_status") or "").lower() or None,
        stage_id=properties.get("lifecyclestage") or None,
        assigned_at=moment(properties.get("hubspot_owner_assigneddate")),
        first_contacted_at=moment(properties.get("hs_first_outreach_date")),
        disqualified_at=status[-1].at if is_out else None,
        updated_at=moment(str(values["updated_at"])),
        deleted_at=None,
    )
    return [lead, *_changes(id_, known, is_forgotten=is_forgotten)]


def _changes(lead_id: str, walk: Sequence[Entry], *, is_forgotten: bool) -> list[Statement]:
    found: list[Statement] = []
    before: str | None = None
    for entry in walk:
        if not (is_forgotten and entry is walk[0]):
            found.append(
                LeadStageChange.of(
                    {
                        "lead_id": lead_id,
                        "changed_at": entry.at,
                        "from_stage": before,
                        "to_stage": entry.value,
                        "changed_by": entry.by,
                    }
                )
            )
        before = entry.value
    return found


def _first(walk: Iterable[Entry], stages: Iterable[str]) -> datetime | None:
    """The first entry into one of the stages."""
    wanted = set(stages)
    return next((entry.at for entry in walk if entry.value in wanted), None)

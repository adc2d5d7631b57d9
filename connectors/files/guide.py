"""The README that lies beside the files: every file with its columns, from the same table that reads them."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal

from connectors.files.cells import CURRENCIES, RANGES, kind_of
from connectors.files.entities import ACCOUNT, ENTITIES, ID, Entity
from connectors.files.examples import EXAMPLES

KINDS: Mapping[type, str] = {
    str: "text", bool: "true or false", int: "whole number", Decimal: "number", date: "day", datetime: "time",
}  # fmt: skip
MEANINGS: Mapping[str, str] = {
    "id": "your own id, the same for ever; other files name the row by it",
    "created_at": "when it came into being",
    "updated_at": "when it was last changed; an older row never replaces a newer one",
    "source_url": "where a person finds it",
    "owner_id": "the user whose it is (id in users.csv)",
    "user_id": "id in users.csv",
    "manager_id": "id in users.csv",
    "submitted_by": "id in users.csv",
    "changed_by": "id in users.csv",
    "team_id": "id in teams.csv",
    "parent_id": "id of the one above, in the same file",
    "company_id": "id in companies.csv",
    "contact_id": "id in contacts.csv",
    "primary_contact_id": "id in contacts.csv",
    "lead_id": "id in leads.csv",
    "deal_id": "id in deals.csv",
    "converted_deal_id": "the deal that it became (id in deals.csv)",
    "product_id": "id in products.csv",
    "campaign_id": "id in campaigns.csv",
    "activity_id": "id in activities.csv",
    "pipeline_id": "id in pipelines.csv",
    "stage_id": "id in stages.csv",
    "replaces_id": "the subscription before it",
    "currency": "ISO 4217, such as EUR; empty: the connection's",
    "base_currency": "ISO 4217: the currency of amounts that name none",
    "amount": "money in `currency`",
    "fx_rate": "what turns `amount` into the base currency; empty: exchange_rates.csv",
    "close_date": "the day on which it closed, or is expected to",
    "closed_at": "when it last went from open to closed",
    "is_closed": "whether it is over, won or lost",
    "is_won": "whether it was won; needs is_closed, closed_at or stage_id beside it",
    "entered_at": "when the stage began",
    "exited_at": "when it ended; leave the whole column out, and it is the beginning of the next",
    "period_start": "first day",
    "period_end": "the day after the last one",
    "kpi_key": "as in `dealmeter kpi list`",
    "scope_type": "company, team or user",
    "scope_id": "id of the team or user; empty for the company",
    "category": "spend: marketing, sales, enablement or other; forecasts: commit, best_case, pipeline",
    "entity": "deals, contacts, companies, leads or tickets",
    "entity_id": "id in that file",
    "object": "deal, lead or ticket",
    "field": "amount, close_date, owner_id, forecast_category or pipeline_id",
    "discount": "money off the line",
    "net_amount": "quantity x unit price - discount",
    "mrr": "a month's worth in `currency`",
    "arr": "a year's worth in `currency`",
    "direction": "outbound or inbound",
    "duration_s": "seconds",
    "include_in_kpis": "false leaves its deals out of all numbers",
    "sort_order": "its place, counted from the first",
    "effective_from": "the first day of the rate",
    "rate": "what one unit of from_currency is in to_currency",
    "kind": "deal_splits: revenue or overlay; trainings: a word of yours",
}
HEAD = """\
# Files for dealmeter

One CSV file per kind of record, with the names of columns in its first line. Files and columns that you don't need
may be left out; columns in bold are needed. **The rows in these files are examples: replace them by your own before
you trust a number, and delete the files that you don't need.**

- **Text** is UTF-8 (`CSV UTF-8` in a spreadsheet). Another encoding: `encoding: windows-1256` in the settings.
- **Separator**: comma, semicolon or tab; found by itself. A cell with a separator or a line break stands in quotes.
- **Numbers**: `1500.25` or `1,500.25`; with `decimal: comma` in the settings `1500,25` or `1.500,25`. Persian and
  Arabic digits and marks (`۱٬۵۰۰٫۲۵`) are read too.
- **Days**: `2026-03-31`; with `calendar: jalali` Solar Hijri days such as `1405-01-11`.
- **Times**: `2026-03-31 14:30`, by the clock of `time_zone` in the settings (else of accounts.csv, else UTC), or with a
  zone: `2026-03-31T14:30:00+03:00`.
- **True and false**: true, yes, 1; false, no, 0.
- **Ids**: a row is known by its `id`. A file without that column knows its rows by the columns named below it; of two
  rows that agree in all of them the second is refused.
- **Deleting**: a row that is no longer in its file is marked deleted. A file that lost more than a fifth of its rows,
  or is gone, deletes nothing until you run `dealmeter sync --allow-shrink`.
- **Columns of your own** are kept in `extra`; to use one as ours, say in the settings
  `fields: {deals: {amount: MY COLUMN}}`.
- **Writing**: write to another name and rename, so that no half-written file is read.
"""


def readme() -> str:
    """The whole text, Markdown."""
    parts = [HEAD, *("\n".join(_file(entity)) + "\n" for entity in (ACCOUNT, *ENTITIES.values()))]
    return "\n".join(parts)


def folder() -> dict[str, str]:
    """Every file to begin with, by name: the README and an example of each."""
    return {"README.md": readme(), **{f"{name}.csv": text for name, text in EXAMPLES.items()}}


def _file(entity: Entity) -> Iterator[str]:
    said = " ".join((entity.record.__doc__ or "").split("\n\n")[0].split())
    yield f"## {entity.name}.csv"
    yield ""
    yield said
    if entity.named_by and entity is not ACCOUNT:
        choices = " or ".join(choice.replace(" ", ", ") for choice in entity.named_by)
        yield f"Without `id` a row is known by: {choices}."
    yield ""
    yield "| Column | Holds | |"
    yield "|---|---|---|"
    needed = {name: need for need in entity.needed for name in need}
    for name in entity.columns:
        need = needed.get(name, ())
        shown = f"**{name}**" if len(need) == 1 else name
        others = [other for other in need if other != name]
        meaning = "; ".join(filter(None, [_meaning(entity, name), (others and f"this or {' or '.join(others)}") or ""]))
        yield f"| {shown} | {_kind(entity, name)} | {meaning} |"


def _meaning(entity: Entity, name: str) -> str:
    if name == ID and entity is ACCOUNT:
        return "may be left out; another one is another company"
    return MEANINGS.get(name, "")


def _kind(entity: Entity, name: str) -> str:
    kind = KINDS[kind_of(entity.record.model_fields[name].annotation)]
    if name in CURRENCIES:
        return "three letters"
    return f"{kind}, {RANGES[name][0]} to {RANGES[name][1]}" if name in RANGES else kind

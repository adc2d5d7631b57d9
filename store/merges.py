"""Merges: an old id becomes an alias, its row a tombstone, and what referred to it refers to the survivor."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, case, select, update

from store.page import Merge, Page
from store.records import (
    Company,
    Contact,
    Deal,
    DealSplit,
    Lead,
    LineItem,
    Order,
    Product,
    Record,
    Statement,
    Subscription,
    SurveyResponse,
    Ticket,
)
from store.schema import TABLES, RecordAlias, table_of
from store.upsert import amend, upsert

ALIASES = table_of(RecordAlias)

REFERENCES: Mapping[type[Record], tuple[tuple[type[Statement], str], ...]] = {
    Company: (
        (Company, "parent_id"),
        (Contact, "company_id"),
        (Deal, "company_id"),
        (Lead, "company_id"),
        (Order, "company_id"),
        (Subscription, "company_id"),
        (SurveyResponse, "company_id"),
        (Ticket, "company_id"),
    ),
    Contact: ((Deal, "primary_contact_id"), (Lead, "contact_id"), (SurveyResponse, "contact_id")),
    Deal: ((LineItem, "deal_id"), (DealSplit, "deal_id"), (Order, "deal_id"), (Lead, "converted_deal_id")),
    Product: ((LineItem, "product_id"), (Subscription, "product_id")),
}
"""Where other records refer to one: re-pointed to the survivor when it is merged away."""


def merge(tx: Connection, connection: str, entity: type[Record], merges: Sequence[Merge], page: Page) -> int:
    """Remember the aliases, tombstone what was merged away, re-point what referred to it; how many were new."""
    survivors = {merge.old_id: merge.id for merge in merges}
    of = and_(ALIASES.c.connection == connection, ALIASES.c.entity == entity.table)
    known = tx.execute(select(ALIASES.c.old_id, ALIASES.c.id).where(of, ALIASES.c.old_id.in_(survivors)))
    new = set(survivors.items()) - {(row.old_id, row.id) for row in known}
    fixed = {"connection": connection, "deleted_at": page.read_at, "last_seen_at": page.read_at}
    gone = [{"id": old, "merged_into_id": id_} for old, id_ in survivors.items()]
    table = TABLES[entity]
    still_live = set(tx.scalars(_live(table, connection, survivors)))
    amend(tx, table, [row for row in gone if row["id"] in still_live], constants=fixed)
    if not new:
        return len(still_live)
    when = {merge.old_id: merge.merged_at or page.read_at for merge in merges}
    rows = [{"old_id": old, "id": id_, "merged_at": when[old]} for old, id_ in sorted(new)]
    upsert(tx, ALIASES, rows, constants={"connection": connection, "entity": entity.table})
    changed = dict(sorted(new))
    for where, column in ((ALIASES, "id"), *((TABLES[record], name) for record, name in REFERENCES.get(entity, ()))):
        within = of if where is ALIASES else where.c.connection == connection
        pointing = update(where).where(within, where.c[column].in_(changed))
        tx.execute(pointing.values({column: case(changed, value=where.c[column])}))
    return len(new)


def _live(table: Table, connection: str, ids: Iterable[str]) -> Select[Any]:
    return select(table.c.id).where(table.c.connection == connection, table.c.id.in_(ids), table.c.deleted_at.is_(None))

"""Compare: our counts and sums beside the CRM's own, and what of a difference is only still on its way."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from connectors.base import Connector
from connectors.totals import Movement, Total, Totalling
from store import differences
from store.database import Database
from store.differences import RECORDS, Compared

CENT = Decimal("0.01")
PRECISION = Decimal("1e-12")
"""A CRM adds up in binary floating point: beyond this share its sums aren't meant."""


def compare(database: Database, connection: str, connector: Connector, *, only: Collection[str] = ()) -> list[Compared]:
    """Every number that the CRM tells, beside ours; none where its connector tells none. May raise a ConnectorError.

    A difference is explained by what happened in the CRM after our last read: records missing here by as many created,
    ghosts here by as many deleted, parts by as many changed, sums by any. Refused records are no difference.
    """
    if not isinstance(connector, Totalling):
        return []
    found: defaultdict[str, list[Total]] = defaultdict(list)
    for total in connector.totals():
        if not only or total.stream in only:
            found[total.stream].append(total)
    made: list[Compared] = []
    for stream, totals in found.items():
        with database.read() as tx:
            since = differences.read_up_to(tx, connection, [stream, f"{stream}.archived"])
        if since is not None:  # of what was never read to its end everything is on its way
            made += _stream(database, connection, connector, totals, since)
    return made


def _stream(
    database: Database, connection: str, connector: Totalling, totals: Sequence[Total], since: datetime
) -> list[Compared]:
    made = [each for total in totals for each in _numbers(database, connection, total)]
    if not any(each.difference for each in made):
        return made
    whole, movement = totals[0], connector.moved(totals[0].stream, since)
    with database.read() as tx:
        new, _ = differences.ours(tx, connection, whole.entity, within={}, prefix=whole.prefix, created_since=since)
    return [_explained(each, movement, new) if each.difference else each for each in made]


def _numbers(database: Database, connection: str, total: Total) -> Iterator[Compared]:
    with database.read() as tx:
        found, sums = differences.ours(
            tx, connection, total.entity, within=total.within, prefix=total.prefix, fields=list(total.sums)
        )
        refused = 0 if total.within else differences.refused(tx, connection, total.entity, total.prefix)
    part = ", ".join(f"{name.removesuffix('_id')} {value or '(none)'}" for name, value in total.within.items())
    made = Compared(object=total.stream, part=part, ours=Decimal(found), theirs=None, why=total.why)
    if total.count is None:
        yield made
        return
    theirs = Decimal(total.count)
    yield replace(made, ours=min(theirs, made.ours + refused) if made.ours < theirs else made.ours, theirs=theirs)
    for name, said in total.sums.items():
        mine = sums[name].quantize(CENT)
        same = abs(mine - said) < max(CENT, abs(said) * PRECISION)
        yield replace(made, measure=name, ours=mine, theirs=mine if same else said.quantize(CENT))


def _explained(each: Compared, movement: Movement, new: int) -> Compared:
    """A difference with what explains it, as far as that goes."""
    deleted, apart = movement.deleted or 0, abs(each.difference)
    moved = movement.created + movement.changed + deleted
    if each.measure != RECORDS:
        enough = moved > 0
    elif each.part:
        enough = apart <= moved + new
    else:
        enough = apart <= (movement.created if each.difference < 0 else deleted + new)
    gone = "an unknown number" if movement.deleted is None else f"{deleted:,}"
    since = f"since our last read {movement.created:,} were created there, {movement.changed:,} changed, {gone} deleted"
    return replace(each, is_explained=enough, why=f"on its way: {since}" if enough else since)

"""What the index finds is what looking at every row finds, whatever the condition."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.record import Kind
from dealmeter.sandbox.salesforce.org import Org
from dealmeter.sandbox.salesforce.schema import Schema
from dealmeter.sandbox.salesforce.soql.filters import compiled
from dealmeter.sandbox.salesforce.soql.parser import parse
from dealmeter.sandbox.salesforce.soql.run import run
from dealmeter.sandbox.salesforce.soql.scope import Scope

from ..conftest import NOW

ORDERS = ("", " ORDER BY SystemModstamp, Id", " ORDER BY Id DESC", " ORDER BY Amount, Id")
OPERATORS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


@pytest.fixture(scope="module")
def schema() -> Schema:
    """Thirty opportunities, half of them stamped within one second, some deleted."""
    world = generate(5, 30, activities_per_deal=0, now=NOW, frozen=True, extras=False)
    schema = Schema(Org(world))
    world.update(Kind.DEAL, world.tables[Kind.DEAL].live.ids[::2], {"name": "x"})
    world.archive(Kind.DEAL, world.tables[Kind.DEAL].live.ids[3:20:4])
    return schema


def _known(schema: Schema) -> tuple[list[str], list[datetime]]:
    made = schema.catalogue()["opportunity"]
    made.source.refresh()
    rows = [made.source.get(serial) for serial in made.source.keys.serials()]
    ids = [made.fields["id"].read(row) for row in rows]
    return ids, [datetime.fromtimestamp(row.modified // 1000, UTC) for row in rows if row is not None]


def _listed(ids: list[str]) -> str:
    return "Id IN ({})".format(", ".join(f"'{id}'" for id in ids))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_index_and_scan_agree(schema: Schema, data: st.DataObject) -> None:
    ids, stamps = _known(schema)
    shifts = st.sampled_from([timedelta(0), timedelta(seconds=1), timedelta(milliseconds=-500)])
    moments = st.builds(lambda at, by: f"{at + by:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z", st.sampled_from(stamps), shifts)
    leaves = st.one_of(
        st.builds(lambda op, at: f"SystemModstamp {op} {at}", OPERATORS, moments),
        st.builds(lambda op, id: f"Id {op} '{id}'", OPERATORS, st.sampled_from([*ids, "006000000000000AAA"])),
        st.lists(st.sampled_from(ids), min_size=1).map(_listed),
        st.sampled_from(["IsWon = true", "SystemModstamp = LAST_N_DAYS:30", "Name = 'x'"]),
    )
    trees = st.recursive(
        leaves,
        lambda part: st.one_of(
            st.builds(lambda parts: f"({' AND '.join(parts)})", st.lists(part, min_size=2, max_size=3)),
            st.builds(lambda parts: f"({' OR '.join(parts)})", st.lists(part, min_size=2, max_size=3)),
            st.builds(lambda one: f"(NOT {one})", part),
        ),
        max_leaves=6,
    )
    condition = data.draw(trees)
    order = data.draw(st.sampled_from(ORDERS))
    everything, limit = data.draw(st.booleans()), data.draw(st.sampled_from([None, 1, 7]))

    def found(text: str) -> list[int]:
        query = parse(text)
        scope = Scope(text, query.sobject, lambda name: schema.find(name, "u", 62.0), NOW.date(), schema.org.zone)
        return run(query, scope, everything=everything).serials(0, 1_000)

    text = f"SELECT Id FROM Opportunity WHERE {condition}{order}"
    query = parse(text)
    scope = Scope(text, query.sobject, lambda name: schema.find(name, "u", 62.0), NOW.date(), schema.org.zone)
    test, source = compiled(query.where, scope) if query.where else None, scope.sobject.source
    assert test is not None
    by_looking = {
        serial
        for serial in source.keys.serials()
        if test(source.get(serial)) and (everything or serial not in source.hidden)
    }
    answer = found(text)
    assert set(answer) == by_looking
    assert len(answer) == len(by_looking)
    if order == " ORDER BY SystemModstamp, Id":
        assert answer == sorted(answer, key=lambda serial: (source.get(serial).modified // 1000, serial))  # type: ignore[union-attr]
    if limit is not None:
        assert found(f"{text} LIMIT {limit}") == answer[:limit]

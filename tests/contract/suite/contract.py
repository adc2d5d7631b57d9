"""The tests that every connector passes. A test module names the twin: `class TestX(Contract): twin = XTwin`."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any, ClassVar

import pytest
from sqlalchemy import select

from connectors.base import Connector, Context
from connectors.errors import BadCredentialsError
from connectors.registry import load
from store import migrate, reads
from store.database import Database
from store.leases import LEASE_FOR
from store.records import Deal, Product, Record
from store.schema import TABLES
from sync.outcome import RunOutcome
from sync.plan import Plan
from sync.run import Progress, execute
from tests.contract.suite.twin import CAPABILITIES, Twin

NAME = "the-connection"
SOON, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
UNEQUAL = {"first_seen_at", "last_seen_at"}


class Killed(BaseException):
    """The end of a process: nobody who hears of it may do anything more."""


@dataclass
class Account:
    """A twin, a store, and the real engine between them."""

    twin: Twin
    database: Database

    def connector(self, context: Context) -> Connector:
        """The connector as the registry has it."""
        made = load(self.twin.crm)
        return made(made.Settings.model_validate(self.twin.connection()), context)

    def sync(self, *, stop: Event | None = None, progress: Progress | None = None, **plan: Any) -> RunOutcome:
        """One run."""
        asked = Plan(connection=NAME, connector=self.connector, parallel=2, **plan)
        clock = self.twin.clock()
        return execute(self.database, asked, version="test", clock=clock, stop=stop, progress=progress)

    def until_equal(self, *entities: type[Record]) -> None:
        """A run that looks everywhere leaves exactly what the account has."""
        self.twin.later(SOON)
        outcome = self.sync(deep=True)
        assert outcome.outcome == "ok", outcome.error
        self.assert_equal(*entities)

    def assert_equal(self, *entities: type[Record]) -> None:
        """The same ids with the same names."""
        for entity in entities or (Deal, Product):
            assert {row["id"]: row["name"] for row in self.rows(entity)} == self.twin.truth(entity)

    def rows(self, entity: type[Record], *, deleted: bool = False) -> list[Mapping[str, Any]]:
        """The rows of an entity without what differs between two equal runs."""
        table = TABLES[entity]
        query = select(table).order_by(*table.primary_key.columns)
        if not deleted:
            query = query.where(table.c.deleted_at.is_(None), table.c.merged_into_id.is_(None))
        with self.database.read() as tx:
            found = tx.execute(query).mappings().all()
        return [{name: value for name, value in row.items() if name not in UNEQUAL} for row in found]

    def row(self, entity: type[Record], id_: str) -> Mapping[str, Any]:
        """One row, be it a tombstone."""
        return next(row for row in self.rows(entity, deleted=True) if row["id"] == id_)

    def everything(self) -> dict[str, Any]:
        """All that the contract compares."""
        return {entity.table: self.rows(entity, deleted=True) for entity in (Deal, Product)}


class Contract:
    """Subclass it with a twin. What the twin cannot do is declared there, with its reason."""

    twin: ClassVar[type[Twin]]

    @pytest.fixture
    def it(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Account]:
        """An account with a store that has seen nothing of it."""
        needs = request.node.get_closest_marker("needs")
        for capability in needs.args if needs else ():
            if capability in self.twin.cannot:
                pytest.skip(f"{self.twin.crm} cannot {capability}: {self.twin.cannot[capability]}")
        twin = self.twin(tmp_path)
        twin.start()
        try:
            with Database(f"sqlite:///{tmp_path / 'store.db'}") as database:
                migrate.upgrade(database)
                yield Account(twin, database)
        finally:
            twin.stop()

    def test_what_it_cannot_do_is_declared_with_a_reason(self) -> None:
        assert set(self.twin.cannot) <= set(CAPABILITIES)
        assert all(len(reason.split()) > 2 for reason in self.twin.cannot.values())

    def test_check_says_who_answers_and_that_all_can_be_read(self, it: Account) -> None:
        it.twin.create(Deal, {"name": "One"})
        clock = it.twin.clock()
        context = Context(clock=clock.now, monotonic=clock.monotonic, sleep=lambda seconds: None, random=clock.random)
        connector = it.connector(context)
        try:
            checked = connector.check()
        finally:
            connector.close()
        assert checked.account.kind == it.twin.crm
        assert checked.account.id
        assert set(checked.streams.values()) == {""}
        assert abs(checked.clock_difference) < SOON

    def test_a_first_run_brings_everything_and_a_second_one_nothing(self, it: Account) -> None:
        it.twin.create(Deal, {"name": "One", "amount": "1500.25"}, 7)
        it.twin.create(Product, {"name": "Two"}, 5)
        it.until_equal()
        assert {str(row["amount"]) for row in it.rows(Deal)} == {"1500.25"}
        before = it.everything()
        it.twin.later(SOON)
        again = it.sync()
        assert (again.outcome, again.counts.written) == ("ok", 0)
        assert it.everything() == before

    def test_the_ids_of_streams_are_names_and_parents_come_first(self, it: Account) -> None:
        it.twin.create(Deal, {"name": "One"})
        clock = it.twin.clock()
        context = Context(clock=clock.now, monotonic=clock.monotonic, sleep=lambda seconds: None, random=clock.random)
        connector = it.connector(context)
        try:
            names = [stream.name for stream in connector.streams]
            assert len(names) == len(set(names))
            assert all(stream.of in names[:i] for i, stream in enumerate(connector.streams) if stream.of)
        finally:
            connector.close()

    def test_changes_are_read_and_only_they(self, it: Account) -> None:
        ids = it.twin.create(Deal, {"name": "One", "amount": "1"}, 30)
        it.until_equal()
        it.twin.later(HOUR)
        it.twin.update(Deal, ids[:3], {"amount": "4321.5"})
        new = it.twin.create(Deal, {"name": "New", "amount": "2"})
        it.twin.later(SOON)
        outcome = it.sync()
        assert (outcome.outcome, outcome.counts.updated, outcome.counts.inserted) == ("ok", 3, 1)
        assert sorted(row["id"] for row in it.rows(Deal) if str(row["amount"]) == "4321.5") == sorted(ids[:3])
        assert it.row(Deal, new[0])["name"] == "New"
        it.assert_equal()

    def test_stopped_after_any_page_and_resumed_it_leaves_what_one_clean_run_leaves(self, it: Account) -> None:
        expected, pages = self._large(it)
        with _fresh(it):
            for _ in range(pages + 2):
                stop = Event()
                outcome = it.sync(stop=stop, progress=_after(1, stop.set))
                if outcome.outcome == "ok":
                    break
                assert outcome.outcome == "stopped"
                it.twin.later(SOON)
            assert it.sync(deep=True).outcome == "ok"
            it.assert_equal()
            assert _without_times(it.everything()) == _without_times(expected)

    def test_killed_after_any_page_and_started_again_it_leaves_what_one_clean_run_leaves(self, it: Account) -> None:
        expected, pages = self._large(it)
        with _fresh(it):
            for page in range(1, pages + 1, max(pages // 4, 1)):
                with suppress(Killed):
                    it.sync(progress=_after(page, _die))
                it.twin.later(LEASE_FOR + SOON)
            assert it.sync(deep=True).outcome == "ok"
            it.assert_equal()
            assert _without_times(it.everything()) == _without_times(expected)

    def test_records_changed_at_one_instant_all_arrive(self, it: Account) -> None:
        ids = it.twin.create(Product, {"name": "Before"}, 450)
        it.until_equal()
        it.twin.later(HOUR)
        it.twin.update(Product, ids, {"name": "After"})
        it.twin.later(SOON)
        assert it.sync().outcome == "ok"
        it.assert_equal()

    @pytest.mark.needs("search_window")
    def test_more_records_of_one_instant_than_a_search_can_show_all_arrive(self, it: Account) -> None:
        ids = it.twin.create(Product, {"name": "Before"}, it.twin.window + 50)
        assert it.sync().outcome == "ok"
        it.twin.later(HOUR)
        it.twin.update(Product, ids, {"name": "After"})
        it.twin.later(SOON)
        assert it.sync().outcome == "ok"
        it.assert_equal()

    def test_a_deleted_record_becomes_a_tombstone(self, it: Account) -> None:
        ids = it.twin.create(Deal, {"name": "One"}, 30)
        it.until_equal()
        it.twin.later(HOUR)
        it.twin.delete(Deal, ids[:2])
        it.until_equal()
        gone = it.row(Deal, ids[0])
        assert gone["deleted_at"] is not None
        assert gone["name"] == "One"

    @pytest.mark.needs("restore")
    def test_a_restored_record_lives_again(self, it: Account) -> None:
        ids = it.twin.create(Deal, {"name": "One"}, 30)
        it.until_equal()
        it.twin.later(HOUR)
        it.twin.delete(Deal, ids[:2])
        it.until_equal()
        it.twin.later(HOUR)
        it.twin.restore(Deal, ids[0])
        it.until_equal()
        assert it.row(Deal, ids[0])["deleted_at"] is None

    @pytest.mark.needs("merge")
    def test_merged_records_point_to_the_survivor(self, it: Account) -> None:
        kind = it.twin.merges
        first, second, *_ = it.twin.create(kind, {"name": "One"}, 5)
        it.until_equal(kind)
        it.twin.later(HOUR)
        survivor = it.twin.merge(kind, first, second)
        it.until_equal(kind)
        for old in {first, second} - {survivor}:
            assert it.row(kind, old)["merged_into_id"] == survivor

    @pytest.mark.needs("rate_limit")
    def test_a_rate_limit_costs_time_and_nothing_else(self, it: Account) -> None:
        it.twin.create(Deal, {"name": "One"}, 7)
        it.twin.limit(3)
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        assert sum(sum(stream.retries.values()) for stream in outcome.streams) == 3
        it.assert_equal()

    @pytest.mark.needs("expired_token")
    def test_an_expired_token_ends_the_run_says_so_and_loses_nothing(self, it: Account) -> None:
        it.twin.create(Deal, {"name": "One"}, 7)
        it.until_equal()
        before = it.everything()
        it.twin.expire()
        outcome = it.sync()
        assert outcome.outcome == "failed"
        assert isinstance(outcome.error, BadCredentialsError)
        assert outcome.error.hint
        assert it.everything() == before
        it.twin.renew()
        it.twin.create(Deal, {"name": "Later"})
        it.until_equal()

    @pytest.mark.needs("missing_scope")
    def test_a_missing_scope_leaves_out_its_records_and_the_others_go_on(self, it: Account) -> None:
        it.twin.create(Deal, {"name": "One"}, 3)
        it.twin.create(Product, {"name": "Two"}, 3)
        it.twin.withhold(Product)
        outcome = it.sync()
        missing = next(stream for stream in outcome.streams if stream.stream == "products")
        assert (outcome.outcome, missing.outcome) == ("partial", "skipped")
        assert str(missing.error)
        it.assert_equal(Deal)
        assert it.rows(Product) == []
        it.twin.renew()
        it.twin.later(DAY)
        it.until_equal()

    def test_a_malformed_value_is_refused_by_itself_and_heals(self, it: Account) -> None:
        ids = it.twin.create(Deal, {"name": "One", "amount": "10"}, 5)
        it.twin.update(Deal, ids[:1], {"amount": "ten"})
        outcome = it.sync()
        assert (outcome.outcome, outcome.counts.rejected) == ("partial", 1)
        it.assert_equal(Deal)
        assert [row["amount"] is None for row in it.rows(Deal)].count(True) == 1
        with it.database.read() as tx:
            (rejection,) = reads.open_rejections(tx, NAME)
        assert (rejection["entity"], rejection["record_id"], rejection["field"]) == ("deals", ids[0], "amount")
        assert "'ten'" in rejection["reason"]
        it.twin.later(HOUR)
        it.twin.update(Deal, ids[:1], {"amount": "11"})
        it.until_equal()
        assert it.row(Deal, ids[0])["amount"] == 11
        with it.database.read() as tx:
            assert reads.count_rejections(tx, NAME) == 0

    @pytest.mark.needs("change_type")
    def test_a_field_that_becomes_text_is_refused_where_it_is_no_number(self, it: Account) -> None:
        ids = it.twin.create(Deal, {"name": "One", "amount": "10"}, 5)
        it.until_equal()
        it.twin.later(HOUR)
        it.twin.change_type(Deal, "amount")
        it.twin.update(Deal, ids[:2], {"amount": "about 7"})
        it.twin.update(Deal, ids[2:3], {"amount": "12.5"})
        it.twin.later(SOON)
        outcome = it.sync()
        assert (outcome.outcome, outcome.counts.rejected) == ("partial", 2)
        it.assert_equal(Deal)
        assert str(it.row(Deal, ids[2])["amount"]) == "12.5"

    def _large(self, it: Account) -> tuple[dict[str, Any], int]:
        """More than one page of a kind of record; what a clean run makes of it, and in how many pages."""
        it.twin.create(Product, {"name": "Many"}, 2200)
        it.twin.create(Deal, {"name": "One", "amount": "1"}, 5)
        pages: list[str] = []
        assert it.sync(progress=lambda stream, read: pages.append(stream)).outcome == "ok"
        it.assert_equal()
        assert pages.count("products") >= 3
        return it.everything(), len(pages)


def _without_times(rows: dict[str, Any]) -> dict[str, Any]:
    """Rows compared where a source has no times of its own: deletion is told by ours."""
    return {table: [{**row, "deleted_at": bool(row["deleted_at"])} for row in found] for table, found in rows.items()}


def _after(pages: int, then: Any) -> Progress:
    left = [pages]

    def count(stream: str, read: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            then()

    return count


def _die() -> None:
    raise Killed


class _fresh:  # noqa: N801  # reads as a word
    """Another store for the same account."""

    def __init__(self, it: Account) -> None:
        self.it, self.before = it, it.database

    def __enter__(self) -> None:
        url = self.before.url.set(database=f"{self.before.url.database}.fresh").render_as_string()
        self.it.database = Database(url)
        migrate.upgrade(self.it.database)

    def __exit__(self, *_: object) -> None:
        self.it.database.close()
        self.it.database = self.before

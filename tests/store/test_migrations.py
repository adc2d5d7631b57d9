"""The schema goes up and down with data in it, equals the models, and a newer one is refused."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from store import migrate
from store.database import Database
from store.errors import DatabaseUnavailableError, SchemaMismatchError
from store.schema import metadata
from store.views import VIEWS
from tests.rig import rig


def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    with database.read() as tx:
        assert compare_metadata(MigrationContext.configure(tx, opts={"compare_type": True}), metadata) == []


def test_down_and_up_again_with_data_in_it(database: Database) -> None:
    with rig(database, deals=30) as it:
        it.sync()
        migrate.upgrade(database)
        assert it.count_deals() == 30
        migrate.downgrade(database, "base")
        assert "deals" not in inspect(database.engine).get_table_names()
        migrate.upgrade(database)
        assert it.sync().outcome == "ok"
        it.assert_equals_account()


def test_keys_are_compared_by_code_points_whatever_the_server_s_locale(database: Database) -> None:
    """A server made for a language sorts `call:5` after `call:` and the highest character: ranges would be empty."""
    if database.is_sqlite:
        query = "SELECT count(*) FROM sqlite_master WHERE sql LIKE '%COLLATE%'"
    else:
        query = (
            "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'id' "
            "AND data_type = 'character varying' AND collation_name IS DISTINCT FROM 'C' "
            "AND table_name IN (SELECT tablename FROM pg_tables WHERE schemaname = 'public') "
            "AND table_name <> 'record_aliases'"
        )
    with database.read() as tx:
        assert tx.scalar(text(query)) == 0


def test_every_view_can_be_read(database: Database) -> None:
    with rig(database, deals=30) as it:
        it.sync()
    with database.read() as tx:
        counts = {name: tx.scalar(text(f"SELECT count(*) FROM {name}")) for name in VIEWS}
    assert counts["v_deals"] == 30
    assert all(counts[name] for name in VIEWS if name.startswith("v_"))


def test_an_empty_database_says_which_command_helps(database_url: str) -> None:
    with Database(database_url) as database:
        with pytest.raises(SchemaMismatchError, match="empty") as caught:
            migrate.ensure_current(database)
        assert "dealmeter db upgrade" in caught.value.hint
        migrate.prepare(database, auto=False)
        assert migrate.current(database) == migrate.head()


def test_a_newer_database_is_refused(database: Database) -> None:
    with database.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (migrate.ensure_current, migrate.upgrade):
        with pytest.raises(SchemaMismatchError, match="9999"):
            attempt(database)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://user:secret@host/db", "mysql"),
        ("sqlite:////nowhere/at/all/store.db", "/nowhere/at/all"),
        ("postgresql://user:secret@127.0.0.1:1/db", "127.0.0.1"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_database_that_cannot_be_used_is_named_without_its_password(url: str, words: str) -> None:
    with pytest.raises(DatabaseUnavailableError, match=words) as caught, Database(url) as database:
        migrate.current(database)
    assert "secret" not in str(caught.value)
    assert caught.value.hint

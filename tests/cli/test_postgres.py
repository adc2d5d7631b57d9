"""The same commands on PostgreSQL."""

from tests.cli.conftest import Cli


def test_sync_and_everything_that_reads_work_on_postgresql(cli: Cli, postgres_url: str) -> None:
    address = postgres_url.replace("postgresql+psycopg", "postgresql")
    cli.write('database: {url: "${DEALMETER_DATABASE_URL}"}\n' + cli.config.read_text())
    cli.environ["DEALMETER_DATABASE_URL"] = address
    first = cli.run("sync")
    assert first.code == 0, first.err
    again = cli.run("sync")
    assert "nothing changed: 0 rows written, 0 KPI values written" in again.out
    assert cli.run("status").code == 0
    assert cli.run("kpi", "show", "win_rate", "--by", "owner").code == 0
    newest = cli.run("export", "snapshots", "--kpi", "revenue")
    history = cli.run("export", "snapshots", "--kpi", "revenue", "--history", "--as-of", "2026-11-22")
    assert newest.code == history.code == 0
    assert len(newest.out.splitlines()) == len(history.out.splitlines())
    assert len(newest.out.splitlines()) > 10
    assert cli.run("db", "current").code == 0

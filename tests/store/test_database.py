"""Opening the store."""

from pathlib import Path
from threading import Barrier, Thread

from sqlalchemy import text

from store.database import Database

THREADS, FILES = 8, 100


def test_many_that_open_a_new_file_at_once_all_get_it(tmp_path: Path) -> None:
    for number in range(FILES):
        ready, refused = Barrier(THREADS), list[Exception]()

        def begin(
            name: Path = tmp_path / f"{number}.db", ready: Barrier = ready, refused: list[Exception] = refused
        ) -> None:
            with Database(f"sqlite:///{name}") as database:
                ready.wait()
                try:
                    with database.write() as tx:
                        tx.execute(text("CREATE TABLE IF NOT EXISTS told (said TEXT)"))
                        tx.execute(text("INSERT INTO told VALUES ('here')"))
                except Exception as error:
                    refused.append(error)

        threads = [Thread(target=begin) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not refused
        with Database(f"sqlite:///{tmp_path / f'{number}.db'}") as database, database.read() as tx:
            assert tx.execute(text("SELECT count(*) FROM told")).scalar_one() == THREADS

"""The pages about KPIs are what the catalogue says."""

from pathlib import Path

from kpi.catalogue import METRICS
from kpi.docs import pages

FOLDER = Path(__file__).parents[2] / "docs" / "kpis"


def test_the_pages_are_what_the_catalogue_says() -> None:
    written = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")}
    assert written == pages(), "run: dealmeter kpi docs docs/kpis"


def test_every_kpi_has_its_place_and_its_names() -> None:
    text = "\n".join(pages().values())
    for key, metric in METRICS.items():
        names = metric.card.names
        assert f"\n## `{key}`\n" in text
        assert all(name in text for name in (names.en, names.fa, names.tr, names.ru))

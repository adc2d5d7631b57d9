"""Working time in SQL: how long it is between two instants, counting only the hours in which a team works."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from kpi.settings import WEEKDAYS, Reporting
from kpi.zones import local_time

A_MONDAY = "DATE '1970-01-05'"


def business_hours(reporting: Reporting) -> Iterator[tuple[str, str]]:
    """The macro `waited(since, until)`, in microseconds: of the working hours where they are set, else of all."""
    hours = reporting.business_hours
    if hours is None:
        yield "waited(since, until)", "epoch_us(until) - epoch_us(since)"
        return
    begin, end = _microseconds(hours.from_), _microseconds(hours.to)
    works = [int(day in hours.days) for day in WEEKDAYS]
    before = [sum(works[:place]) for place in range(7)]
    days = f"(CAST(t AS DATE) - {A_MONDAY})"
    of_day = f"epoch_us(t) - epoch_us(CAST(CAST(t AS DATE) AS TIMESTAMP)) - {begin}"
    zone = ZoneInfo(hours.zone) if hours.zone else reporting.zone
    yield (
        "worked(t)",  # since that Monday, at a local time
        f"({days} // 7 * {sum(works)} + {before}[{days} % 7 + 1]) * {end - begin} "
        f"+ {works}[{days} % 7 + 1] * least(greatest({of_day}, 0), {end - begin})",
    )
    yield "team_time(t)", local_time("t", zone)
    yield "waited(since, until)", "worked(team_time(until)) - worked(team_time(since))"


def _microseconds(clock: str) -> int:
    hours, minutes = clock.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000_000

"""Bands: where a number or a day falls."""

from datetime import date
from decimal import Decimal

from tests.kpi.oracles.cells import months_later


def size_band(employees: int | None) -> str | None:
    """How big a company is."""
    if employees is None:
        return None
    for most, band in ((10, "1-10"), (50, "11-50"), (200, "51-200"), (1000, "201-1000"), (5000, "1001-5000")):
        if employees <= most:
            return band
    return "5001+"


def deal_size_band(worth: Decimal | None) -> str | None:
    """How big a deal is."""
    if worth is None:
        return None
    for below, band in ((1000, "< 1k"), (5000, "1k - 5k"), (20000, "5k - 20k"), (100000, "20k - 100k")):
        if worth < below:
            return band
    return "100k +"


def probability_band(probability: Decimal | None) -> str | None:
    """How likely a deal is."""
    if probability is None:
        return None
    for below, band in (("0.25", "0 - 25 %"), ("0.5", "25 - 50 %"), ("0.75", "50 - 75 %")):
        if probability < Decimal(below):
            return band
    return "75 - 100 %"


def close_date_bucket(close_date: date | None, day: date) -> str | None:
    """How far off a close date is, seen from a day."""
    if close_date is None:
        return None
    next_month = months_later(day.replace(day=1), 1)
    if close_date < day:
        return "past due"
    if close_date < next_month:
        return "this month"
    return "next month" if close_date < months_later(next_month, 1) else "later"


def age_band(created: date | None, day: date) -> str | None:
    """How long ago a deal was created, seen from a day."""
    if created is None:
        return None
    for most, band in ((30, "0 - 30"), (90, "31 - 90"), (180, "91 - 180")):
        if (day - created).days <= most:
            return band
    return "181 +"

"""A KPI over periods: each value with the one before, its change, and why where there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

from dealmeter.show.number import NOTHING, change, number, reason
from dealmeter.show.row import Row
from dealmeter.show.sparkline import sparkline

FLAGS = {"below_min_sample": "small sample"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The values of one KPI, one member and one currency, period by period, the newest last."""

    member: str
    label: str
    values: Sequence[Row]

    def line(self, starts: Sequence[date]) -> str:
        """The sparkline over some periods, a gap where there is no value."""
        values = {value["period_start"]: value["value"] for value in self.values}
        return sparkline([values.get(start) for start in starts])

    def at(self, start: date) -> Row | None:
        """The value of a period."""
        return next((value for value in self.values if value["period_start"] == start), None)

    def before(self, value: Row) -> Decimal | None:
        """The value of the period that ends where this one begins."""
        found = next((other for other in self.values if other["period_end"] == value["period_start"]), None)
        return found["value"] if found is not None else None


def series(rows: Sequence[Row]) -> list[Series]:
    """Rows by member (and currency), each in the order of its periods."""

    def key(row: Row) -> tuple[str, str]:
        return row["member"], row["currency"] or ""

    return [
        Series(
            member=member,
            label=next((row["member_label"] for row in reversed(mine) if row["member_label"]), member),
            values=mine,
        )
        for (member, _), found in groupby(sorted(rows, key=lambda row: (*key(row), row["period_start"])), key)
        if (mine := list(found))
    ]


def period(row: Row) -> str:
    """The name of a period: 2026-03, 2026-Q1, 2026, all time, or its first day."""
    start: date = row["period_start"]
    if row["grain"] == "all":
        return "all time"
    if row["calendar"] != "gregorian" or row["grain"] in {"day", "week"}:
        return f"{start}"
    names = {"month": f"{start:%Y-%m}", "quarter": f"{start.year}-Q{(start.month + 2) // 3}", "year": f"{start.year}"}
    return names.get(row["grain"], f"{start}")


def last_with_data(rows: Sequence[Row]) -> Row | None:
    """A row of the newest period in which anything was counted."""
    return max((row for row in rows if row["value"] or row["n"]), key=lambda row: row["period_start"], default=None)


def least_known(rows: Sequence[Row]) -> Row | None:
    """The row of whose deals the smallest share has an amount; None where all have one."""
    found = [row for row in rows if (row["coverage"] or {}).get("amount") is not None and row["coverage"]["amount"] < 1]
    return min(found, key=lambda row: row["coverage"]["amount"], default=None)


def last_complete(rows: Sequence[Row]) -> date | None:
    """The first day of the newest period that is over; of the newest one where none is."""
    over = [row["period_start"] for row in rows if not row["is_partial"]]
    return max(over or [row["period_start"] for row in rows], default=None)


def numbers(one: Series, value: Row, *, brief: bool = False) -> list[str]:
    """Value, previous, change, n. What still runs has no change yet."""
    before = one.before(value)
    unit, currency = value["unit"], value["currency"]
    difference = NOTHING if value["is_partial"] else change(value["value"], before, unit)
    n = f"{value['n']:,}" if value["n"] is not None else ""
    shown = [number(found, unit, currency, brief=brief) for found in (value["value"], before)]
    return [*shown, difference, n]


def status(value: Row) -> str:
    """In words: whether it is running, why there is no value, what to mind."""
    words = ["running"] if value["is_partial"] and value["grain"] != "all" else []
    if value["status"] != "ok":
        words.append(reason(value["status"], value["status_detail"]))
    words += [FLAGS.get(flag, flag.replace("_", " ")) for flag in value["flags"] or ()]
    return ", ".join(words)

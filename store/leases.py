"""The lease: one writer at a time per connection, across threads, processes and machines."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, select, true, update
from sqlalchemy.sql.elements import ColumnElement

from store.database import end_when_silent
from store.errors import LeaseHeldError, LeaseLostError
from store.schema import Lease, table_of
from store.upsert import upsert

LEASES = table_of(Lease)
LEASE_FOR = timedelta(minutes=2)
"""How long a lease holds without a sign of life. Clocks of machines that share a database must agree better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A lease that was taken: `token` is the fence that every write checks."""

    connection: str
    holder: str
    token: int
    for_: timedelta = LEASE_FOR
    taken_over: bool = False


def take(
    tx: Connection,
    connection: str,
    holder: str,
    *,
    now: datetime,
    for_: timedelta = LEASE_FOR,
    is_dead: Callable[[str], bool] = lambda holder: False,
) -> Grant:
    """Take the lease of a connection within a writing transaction.

    A holder that `is_dead` knows to be gone need not be waited for.

    Raises LeaseHeldError while another holder's lease runs. `taken_over` tells that the last holder never gave it back.
    """
    end_when_silent(tx, for_)
    free = {"connection": connection, "holder": "", "token": 0, "expires_at": now}
    upsert(tx, LEASES, [free], unless=_is_there)  # a row to lock: of two that come first, one waits for the other
    found = tx.execute(select(LEASES).where(LEASES.c.connection == connection).with_for_update()).mappings().one()
    if _is_held(found, now, is_dead):
        raise LeaseHeldError(
            f"another run ({found['holder']}) holds {connection} until {found['expires_at']:%H:%M:%S} UTC",
            hint="wait for it to end; a run that died frees the connection when that time has passed",
        )
    token = found["token"] + 1
    row = {"connection": connection, "holder": holder, "token": token, "expires_at": now + for_}
    upsert(tx, LEASES, [row])
    taken_over = bool(found["holder"])
    return Grant(connection=connection, holder=holder, token=token, for_=for_, taken_over=taken_over)


def _is_there(stored: Any, incoming: Any) -> ColumnElement[bool]:
    return true()


def confirm(tx: Connection, grant: Grant, *, now: datetime) -> None:
    """Prolong the lease; the fence of every write. Raises LeaseLostError where the token is not ours any more.

    It locks the lease's row until the transaction ends: who falls silent within it must not hold up others for longer
    than the lease.
    """
    end_when_silent(tx, grant.for_)
    held = tx.execute(
        update(LEASES)
        .where(LEASES.c.connection == grant.connection, LEASES.c.token == grant.token, LEASES.c.holder != "")
        .values(expires_at=now + grant.for_)
    )
    if held.rowcount != 1:
        raise LeaseLostError(
            f"the lease of {grant.connection} went to another run; nothing more was written",
            hint="no action needed: the other run goes on from the last checkpoint",
        )


def give_back(tx: Connection, grant: Grant, *, now: datetime) -> None:
    """End the lease. Does nothing where somebody else holds it by now."""
    tx.execute(
        update(LEASES)
        .where(LEASES.c.connection == grant.connection, LEASES.c.token == grant.token)
        .values(holder="", expires_at=now)
    )


def is_taken(tx: Connection, connection: str) -> bool:
    """Whether somebody has the lease, or had it and never gave it back."""
    return bool(tx.scalar(select(LEASES.c.holder).where(LEASES.c.connection == connection)))


def is_held(tx: Connection, connection: str, *, now: datetime, is_dead: Callable[[str], bool]) -> bool:
    """Whether somebody who lives has the lease."""
    row = tx.execute(select(LEASES).where(LEASES.c.connection == connection)).mappings().first()
    return row is not None and _is_held(row, now, is_dead)


def abandoned(tx: Connection, *, now: datetime, is_dead: Callable[[str], bool]) -> list[str]:
    """Connections whose run never ended and whose holder is silent or known to be dead: somebody should go on."""
    held = tx.execute(select(LEASES).where(LEASES.c.holder != "")).mappings()
    return [row["connection"] for row in held if not _is_held(row, now, is_dead)]


def _is_held(row: RowMapping, now: datetime, is_dead: Callable[[str], bool]) -> bool:
    return bool(row["holder"]) and row["expires_at"] > now and not is_dead(row["holder"])

"""Periods with their names, targets by period, and what a computation found broken.

Revision: 0002
"""

import sqlalchemy as sa
from alembic import op

from store import columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Up."""
    op.create_table(
        "calendar_periods",
        sa.Column("calendar", sa.String(), nullable=False),
        sa.Column("grain", sa.String(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("calendar", "grain", "period_start", "period_end"),
    )
    op.create_table(
        "kpi_targets",
        sa.Column("kpi_key", sa.String(), nullable=False),
        sa.Column("calendar", sa.String(), nullable=False),
        sa.Column("grain", sa.String(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("dimension", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("target", columns.DecimalType(), nullable=True),
        sa.Column("fx_missing", sa.Integer(), nullable=False),
        sa.Column("versions", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("kpi_key", "calendar", "grain", "period_start", "dimension", "member"),
    )
    with op.batch_alter_table("kpi_snapshot_runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("broken", columns.JsonType(), nullable=True))


def downgrade() -> None:
    """Down. What was rebuilt for past instants goes: the older program would take it for live values."""
    op.execute("DELETE FROM kpi_snapshots WHERE basis <> 'live'")
    op.execute("DELETE FROM kpi_snapshot_runs WHERE basis <> 'live'")
    with op.batch_alter_table("kpi_snapshot_runs", schema=None) as batch_op:
        batch_op.drop_column("broken")
    op.drop_table("kpi_targets")
    op.drop_table("calendar_periods")

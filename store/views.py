"""The readers' contract: views with stable names and columns. See docs/tables.md and docs/sql-cookbook.md.

They hold no data: each migration drops them first and makes them anew at its end.
"""

from sqlalchemy import Connection, text

SNAPSHOT = """
    s.kpi_key, s.definition_version, s.calendar, s.grain, s.period_start, s.period_end,
    s.dimension, s.member, s.member_label, s.value, s.numerator, s.denominator, s.unit, s.currency, s.n,
    s.ci_low, s.ci_high, s.status, s.status_detail, s.flags, s.coverage, s.is_partial, s.elapsed_fraction, s.is_final,
    s.as_of, s.computed_at, s.change_reason, s.run_id, s.id, s.previous_id
"""

PERIOD_NAME = "COALESCE(p.name, CAST(s.period_start AS VARCHAR(10)))"
NAMED = """LEFT JOIN calendar_periods p ON p.calendar = s.calendar AND p.grain = s.grain
            AND p.period_start = s.period_start AND p.period_end = s.period_end"""
VIEWS: dict[str, str] = {
    "kpi_latest": f"""
        SELECT {SNAPSHOT}, {PERIOD_NAME} AS period_name FROM kpi_snapshots s {NAMED}
        WHERE s.basis = 'live' AND s.parameters_hash = (
            SELECT r.parameters_hash FROM kpi_snapshot_runs r
            WHERE r.status = 'complete' AND r.basis = 'live' ORDER BY r.id DESC LIMIT 1
        ) AND NOT EXISTS (
            SELECT 1 FROM kpi_snapshots later
            WHERE later.series = s.series AND later.id > s.id AND later.basis = 'live'
        )""",
    "kpi_attainment": """
        SELECT l.kpi_key, l.calendar, l.grain, l.period_start, l.period_end, l.period_name, l.dimension, l.member,
            l.member_label, l.value, t.target, l.value / NULLIF(t.target, 0) AS attainment, t.target - l.value AS gap,
            l.unit, l.currency, l.n, l.status, l.flags, l.is_partial, l.is_final, l.as_of, l.computed_at, t.fx_missing,
            t.versions
        FROM kpi_latest l JOIN kpi_targets t ON t.kpi_key = l.kpi_key AND t.calendar = l.calendar
            AND t.grain = l.grain AND t.period_start = l.period_start AND t.dimension = l.dimension
            AND t.member = l.member""",
    "kpi_history": f"SELECT {SNAPSHOT}, s.basis, {PERIOD_NAME} AS period_name FROM kpi_snapshots s {NAMED}",
    "kpi_rebuilt": f"""
        SELECT {SNAPSHOT}, {PERIOD_NAME} AS period_name FROM kpi_snapshots s {NAMED}
        WHERE s.basis = 'rebuilt' AND NOT EXISTS (
            SELECT 1 FROM kpi_snapshots later
            WHERE later.series = s.series AND later.id > s.id AND later.basis = 'rebuilt' AND later.as_of = s.as_of
        )""",
    "kpi_runs": """
        SELECT id, basis, as_of, computed_at,
            CASE WHEN status <> 'complete' THEN status WHEN broken IS NULL THEN 'ok' ELSE 'partial' END AS outcome,
            values_checked, values_written, duration_s, broken, definitions_hash, parameters_hash, version
        FROM kpi_snapshot_runs""",
    "v_deals": """
        SELECT d.connection, d.id, d.name, d.amount, d.currency, d.fx_rate, d.close_date, d.created_at, d.closed_at,
            d.is_closed, d.is_won, d.probability, d.forecast_category, d.deal_type, d.source, d.lost_reason,
            d.next_step, d.last_activity_at, d.updated_at, d.source_url,
            d.pipeline_id, p.name AS pipeline, d.stage_id, st.name AS stage,
            d.owner_id, u.name AS owner, u.email AS owner_email, u.is_active AS owner_is_active,
            d.company_id, c.name AS company, c.country, c.industry, d.primary_contact_id, k.name AS primary_contact
        FROM deals d
        LEFT JOIN pipelines p ON p.connection = d.connection AND p.id = d.pipeline_id
        LEFT JOIN stages st
            ON st.connection = d.connection AND st.pipeline_id = d.pipeline_id AND st.id = d.stage_id
        LEFT JOIN users u ON u.connection = d.connection AND u.id = d.owner_id
        LEFT JOIN companies c ON c.connection = d.connection AND c.id = d.company_id
        LEFT JOIN contacts k ON k.connection = d.connection AND k.id = d.primary_contact_id
        WHERE d.deleted_at IS NULL AND d.merged_into_id IS NULL""",
    "v_companies": """
        SELECT c.connection, c.id, c.name, c.domain, c.country, c.state, c.city, c.region, c.industry, c.employees,
            c.annual_revenue, c.lifecycle, c.source, c.created_at, c.updated_at, c.source_url,
            c.owner_id, u.name AS owner, c.parent_id, parent.name AS parent
        FROM companies c
        LEFT JOIN users u ON u.connection = c.connection AND u.id = c.owner_id
        LEFT JOIN companies parent ON parent.connection = c.connection AND parent.id = c.parent_id
        WHERE c.deleted_at IS NULL AND c.merged_into_id IS NULL""",
    "v_contacts": """
        SELECT k.connection, k.id, k.name, k.email, k.country, k.lifecycle, k.source, k.first_contacted_at,
            k.created_at, k.updated_at, k.source_url, k.company_id, c.name AS company, k.owner_id, u.name AS owner
        FROM contacts k
        LEFT JOIN companies c ON c.connection = k.connection AND c.id = k.company_id
        LEFT JOIN users u ON u.connection = k.connection AND u.id = k.owner_id
        WHERE k.deleted_at IS NULL AND k.merged_into_id IS NULL""",
    "v_line_items": """
        SELECT l.connection, l.id, l.deal_id, d.name AS deal, l.product_id, p.name AS product, p.family, l.name,
            l.quantity, l.list_price, l.unit_price, l.discount, l.net_amount, l.unit_cost, l.currency,
            d.close_date, d.is_won
        FROM line_items l
        LEFT JOIN deals d ON d.connection = l.connection AND d.id = l.deal_id
        LEFT JOIN products p ON p.connection = l.connection AND p.id = l.product_id
        WHERE l.deleted_at IS NULL AND l.merged_into_id IS NULL""",
    "v_activities": """
        SELECT a.connection, a.id, a.type, a.subtype, a.direction, a.outcome, a.occurred_at, a.completed_at, a.due_at,
            a.duration_s, a.subject, a.owner_id, u.name AS owner, a.source_url
        FROM activities a
        LEFT JOIN users u ON u.connection = a.connection AND u.id = a.owner_id
        WHERE a.deleted_at IS NULL AND a.merged_into_id IS NULL""",
    "v_people": """
        SELECT u.connection, u.id AS user_id,
            CASE WHEN trim(coalesce(u.email, '')) = '' THEN u.connection || ':' || u.id ELSE lower(trim(u.email)) END
                AS person,
            u.name, u.email, u.role, u.is_active, u.active_from, u.active_to
        FROM users u
        WHERE u.merged_into_id IS NULL""",
    "v_stage_visits": """
        SELECT v.connection, v.deal_id, d.name AS deal, v.pipeline_id, p.name AS pipeline, v.stage_id,
            st.name AS stage, st.sort_order, v.entered_at, v.exited_at, v.source
        FROM deal_stage_changes v
        JOIN deals d ON d.connection = v.connection AND d.id = v.deal_id
            AND d.deleted_at IS NULL AND d.merged_into_id IS NULL
        LEFT JOIN pipelines p ON p.connection = v.connection AND p.id = v.pipeline_id
        LEFT JOIN stages st
            ON st.connection = v.connection AND st.pipeline_id = v.pipeline_id AND st.id = v.stage_id""",
    "v_sync_runs": """
        SELECT r.id, r.connection, r.trigger, r.outcome, r.started_at, r.finished_at, r.as_of, r.requests,
            r.error, r.hint, SUM(s.read) AS read, SUM(s.inserted) AS inserted, SUM(s.updated) AS updated,
            SUM(s.deleted) AS deleted, SUM(s.rejected) AS rejected
        FROM sync_runs r LEFT JOIN sync_run_streams s ON s.run_id = r.id
        GROUP BY r.id, r.connection, r.trigger, r.outcome, r.started_at, r.finished_at, r.as_of, r.requests,
            r.error, r.hint""",
}


PURPOSES: dict[str, str] = {
    "kpi_latest": "the newest value of each KPI, period and slice",
    "kpi_attainment": "values with their targets: which share of it is reached, and what is left",
    "kpi_history": "every value that was ever stored, with when and why",
    "kpi_rebuilt": "values rebuilt from the histories for past instants: `as_of` says for which",
    "kpi_runs": "every computation of the KPIs, and what in it contradicts itself",
    "v_deals": "live deals with the names of owner, stage, pipeline, company and contact",
    "v_companies": "live companies with their owner and parent",
    "v_contacts": "live contacts with their company and owner",
    "v_line_items": "live line items with their deal and product",
    "v_activities": "live activities with their owner",
    "v_people": "every user of every connection, also former ones; `person` is the same where the e-mail is the same",
    "v_stage_visits": "each deal's visits to stages, with names",
    "v_sync_runs": "every run with its sums over all streams",
}


def drop(tx: Connection) -> None:
    """Take the views away: a migration may change what they stand on."""
    for name in reversed(VIEWS):
        tx.execute(text(f"DROP VIEW IF EXISTS {name}"))


def create(tx: Connection) -> None:
    """Make the views."""
    for name, query in VIEWS.items():
        tx.execute(text(f"CREATE VIEW {name} AS {query}"))

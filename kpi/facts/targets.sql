-- target_rows: one row is one target in force: its KPI, its scope as a dimension's member, its days, its worth.
CREATE OR REPLACE TABLE target_rows AS
WITH scoped AS (
    SELECT * REPLACE (CASE WHEN coalesce(lower(trim(scope_type)), '') IN ('', 'company', 'total') THEN ''
        WHEN lower(trim(scope_type)) IN ('owner', 'user', 'rep') THEN 'owner' ELSE lower(trim(scope_type)) END
        AS scope_type)
    FROM targets WHERE value IS NOT NULL AND period_start < period_end
),
named AS (
    SELECT *, CASE scope_type WHEN '' THEN '' WHEN 'owner' THEN home(connection, 'users', scope_id)
        WHEN 'team' THEN home(connection, 'teams', scope_id)
        WHEN 'pipeline' THEN home(connection, 'pipelines', scope_id)
        WHEN 'product' THEN home(connection, 'products', scope_id)
        WHEN 'campaign' THEN home(connection, 'campaigns', scope_id)
        WHEN 'company' THEN home(connection, 'companies', scope_id) ELSE member(scope_id) END AS member
    FROM scoped
),
in_force AS (
    SELECT * FROM named WHERE valid_from IS NULL OR valid_from <= present()
    QUALIFY row_number() OVER (PARTITION BY kpi_key, scope_type, member, period_start, period_end
        ORDER BY valid_from DESC NULLS LAST, version DESC NULLS LAST, id DESC, connection) = 1
),
any_rates AS (SELECT currency, day, arg_min(rate, connection) AS rate FROM rates GROUP BY currency, day),
priced AS (
    SELECT f.*, coalesce(k.is_flow, false) AS is_flow, CASE WHEN NOT coalesce(k.is_money, false)
            OR coalesce(f.currency, a.base_currency, reporting_currency()) IS NOT DISTINCT FROM reporting_currency()
        THEN CAST(1 AS DECIMAL(38, 6)) ELSE coalesce(o.rate, r.rate) END AS rate
    FROM in_force f LEFT JOIN kpi_kinds k ON k.kpi_key = f.kpi_key
    LEFT JOIN (SELECT connection, any_value(base_currency) AS base_currency FROM accounts GROUP BY connection) a
        ON a.connection = f.connection
    LEFT JOIN rates o ON o.connection = f.connection AND o.currency = f.currency AND o.day = f.period_start
    LEFT JOIN any_rates r ON r.currency = f.currency AND r.day = f.period_start
)
SELECT kpi_key, scope_type AS dimension, member, period_start AS from_day, period_end AS to_day, is_flow,
    converted(value, rate) AS target, CAST(rate IS NULL AS INTEGER) AS fx_missing, coalesce(version, id) AS version
FROM priced;

-- target_values: the target of a KPI for a period and a scope: its own; else what the months, or quarters, inside add
-- up to; else (where splitting is set) its days' share of a longer one.
CREATE OR REPLACE TABLE target_values AS
WITH own AS (
    SELECT t.*, p.calendar, p.grain FROM target_rows t JOIN plan_periods p
        ON p.start_day = t.from_day AND p.end_day = t.to_day
),
asked AS (
    SELECT calendar, grain, start_day, end_day, is_running FROM periods WHERE grain <> 'all'
),
exact AS (
    SELECT o.kpi_key, a.calendar, a.grain, a.start_day, o.dimension, o.member, o.target, 1 AS n, o.fx_missing,
        o.version AS versions, 1 AS choice
    FROM asked a JOIN own o ON o.calendar = a.calendar AND o.grain = a.grain AND o.from_day = a.start_day
        AND o.to_day = a.end_day
),
inside AS (
    SELECT a.calendar, a.grain, a.start_day, a.end_day, p.grain AS part, count(*) AS parts
    FROM asked a JOIN plan_periods p ON p.calendar = a.calendar AND p.start_day >= a.start_day
        AND p.end_day <= a.end_day AND p.grain IN ('month', 'quarter') AND p.grain <> a.grain
    WHERE a.grain IN ('quarter', 'year') GROUP BY ALL
),
tiled AS (
    SELECT o.kpi_key, i.calendar, i.grain, i.start_day, o.dimension, o.member, sum(o.target) AS target,
        count(*) AS n, sum(o.fx_missing) AS fx_missing, string_agg(DISTINCT o.version, ',' ORDER BY o.version)
            AS versions, CASE i.part WHEN 'month' THEN 2 ELSE 3 END AS choice
    FROM inside i JOIN own o ON o.calendar = i.calendar AND o.grain = i.part AND o.from_day >= i.start_day
        AND o.to_day <= i.end_day AND o.is_flow
    GROUP BY o.kpi_key, i.calendar, i.grain, i.start_day, o.dimension, o.member, i.part, i.parts
    HAVING count(*) = i.parts
),
split AS (
    SELECT o.kpi_key, a.calendar, a.grain, a.start_day, o.dimension, o.member,
        CAST(o.target * (a.end_day - a.start_day) / (o.to_day - o.from_day) AS DECIMAL(38, 6)) AS target, 1 AS n,
        o.fx_missing, o.version AS versions, CASE o.grain WHEN 'quarter' THEN 4 ELSE 5 END AS choice
    FROM asked a JOIN own o ON o.calendar = a.calendar AND o.from_day <= a.start_day AND o.to_day >= a.end_day
        AND o.grain IN ('quarter', 'year') AND o.grain <> a.grain AND o.is_flow
    WHERE target_split() = 'days' AND a.grain IN ('month', 'quarter')
),
known AS (
    SELECT * FROM (FROM exact UNION ALL FROM tiled UNION ALL FROM split)
    QUALIFY row_number() OVER (PARTITION BY kpi_key, calendar, grain, start_day, dimension, member ORDER BY choice) = 1
),
teamed AS (
    SELECT k.*, CASE WHEN t.team_id IS NOT NULL THEN t.connection || ':' || t.team_id END AS team
    FROM known k JOIN asked a ON a.calendar = k.calendar AND a.grain = k.grain AND a.start_day = k.start_day
    LEFT JOIN team_history t ON t.connection || ':' || t.user_id = k.member
        AND least(day_end(CAST(a.end_day - 1 AS DATE)), present()) >= t.from_at
        AND least(day_end(CAST(a.end_day - 1 AS DATE)), present()) < t.to_at
    WHERE k.dimension = 'owner'
),
of_teams AS (
    SELECT kpi_key, calendar, grain, start_day, 'team' AS dimension, team AS member, sum(target) AS target,
        sum(n) AS n, sum(fx_missing) AS fx_missing, string_agg(DISTINCT versions, ',' ORDER BY versions) AS versions,
        6 AS choice
    FROM teamed t WHERE team IS NOT NULL AND (SELECT any_value(is_flow) FROM kpi_kinds k WHERE k.kpi_key = t.kpi_key)
    GROUP BY kpi_key, calendar, grain, start_day, team
),
of_company AS (
    SELECT kpi_key, calendar, grain, start_day, '' AS dimension, '' AS member, sum(target) AS target, sum(n) AS n,
        sum(fx_missing) AS fx_missing, string_agg(DISTINCT versions, ',' ORDER BY versions) AS versions,
        CASE dimension WHEN 'team' THEN 7 ELSE 8 END AS choice
    FROM known k WHERE dimension IN ('team', 'owner')
        AND (SELECT any_value(is_flow) FROM kpi_kinds f WHERE f.kpi_key = k.kpi_key)
    GROUP BY kpi_key, calendar, grain, start_day, k.dimension
),
chosen AS (
    SELECT * FROM (FROM known UNION ALL FROM of_teams UNION ALL FROM of_company)
    QUALIFY row_number() OVER (PARTITION BY kpi_key, calendar, grain, start_day, dimension, member ORDER BY choice) = 1
)
SELECT kpi_key, calendar, grain, start_day AS period_start, dimension, member,
    CASE WHEN fx_missing = 0 THEN target END AS target, n, fx_missing, versions
FROM chosen;

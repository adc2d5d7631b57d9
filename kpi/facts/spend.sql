-- spend_days: one row is one day's share of what was spent, in the reporting currency. A span's spend is spread evenly
-- over its days, the last takes what rounding leaves; its rate is that of the first day.
CREATE OR REPLACE TABLE spend_days AS
WITH dated AS (
    SELECT s.*, coalesce(s.spent_on, s.period_start) AS first_day,
        CASE WHEN s.spent_on IS NOT NULL THEN 1 ELSE s.period_end - s.period_start END AS days,
        coalesce(s.currency, b.base_currency, reporting_currency()) AS own_currency
    FROM spend s LEFT JOIN bases b ON b.connection = s.connection
    WHERE s.amount IS NOT NULL AND (s.spent_on IS NOT NULL OR s.period_end > s.period_start)
),
valued AS (
    SELECT d.*, row_number() OVER (ORDER BY d.connection, d.id) AS spend,
        converted(d.amount, rate_of(d.own_currency, o.rate, a.rate)) AS worth
    FROM dated d
    LEFT JOIN rates o ON o.connection = d.connection AND o.currency = d.own_currency AND o.day = d.first_day
    LEFT JOIN any_rates a ON a.currency = d.own_currency AND a.day = d.first_day
),
spread AS (
    SELECT *, one_part(worth, days) AS each, unnest(range(CASE WHEN worth IS NULL THEN 1 ELSE days END)) AS nth
    FROM valued
),
placed AS (
    SELECT *, home(connection, 'campaigns', campaign_id) AS campaign, home(connection, 'teams', team) AS home_team
    FROM spread
)
SELECT p.spend, p.connection, p.id, CAST(p.first_day + CAST(p.nth AS INTEGER) AS DATE) AS day,
    member(lower(trim(p.category))) AS cost_category, member(p.source) AS source, p.campaign,
    member(k.channel) AS channel, p.home_team AS team,
    CASE WHEN p.worth IS NULL THEN 0 WHEN p.nth < p.days - 1 THEN p.each ELSE p.worth - p.each * (p.days - 1) END
        AS value,
    CAST(p.worth IS NULL AS INTEGER) AS fx_missing
FROM placed p LEFT JOIN campaigns k ON k.connection || ':' || k.id = p.campaign;

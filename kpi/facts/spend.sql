-- spend_days: one row is one day's share of what was spent, in the reporting currency. A span's spend is spread evenly
-- over its days, the last takes what rounding leaves; its rate is that of the first day. Where the setting
-- `campaign_costs` asks for it, campaigns that no row names bring their own cost; not beside rows that name no campaign.
CREATE OR REPLACE TABLE spend_days AS
WITH named AS (
    SELECT DISTINCT home(connection, 'campaigns', campaign_id) AS campaign FROM spend
    WHERE campaign_id IS NOT NULL AND campaign_costs() <> 'spend'
),
own_costs AS (
    SELECT connection, id, CASE WHEN end_date > start_date THEN NULL ELSE start_date END AS spent_on,
        start_date AS period_start, end_date + 1 AS period_end, 'marketing' AS category, id AS campaign_id,
        CAST(NULL AS VARCHAR) AS source, CAST(NULL AS VARCHAR) AS team,
        CASE campaign_costs() WHEN 'actual' THEN actual_cost WHEN 'budget' THEN coalesce(actual_cost, budget) END
            AS amount, currency
    FROM campaigns WHERE campaign_costs() <> 'spend' AND deleted_at IS NULL AND start_date IS NOT NULL
        AND connection || ':' || id NOT IN (SELECT campaign FROM named)
        AND NOT EXISTS (SELECT 1 FROM spend WHERE campaign_id IS NULL AND lower(trim(category)) = 'marketing')
),
every_cost AS (SELECT * FROM spend UNION ALL BY NAME SELECT * FROM own_costs),
dated AS (
    SELECT s.*, coalesce(s.spent_on, s.period_start) AS first_day,
        CASE WHEN s.spent_on IS NOT NULL THEN 1 ELSE s.period_end - s.period_start END AS days,
        coalesce(s.currency, b.base_currency, reporting_currency()) AS own_currency
    FROM every_cost s LEFT JOIN bases b ON b.connection = s.connection
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
    member(lower(trim(p.category))) AS cost_category, member(source_name(p.source)) AS source, p.campaign,
    member(k.channel) AS channel, p.home_team AS team,
    CASE WHEN p.worth IS NULL THEN 0 WHEN p.nth < p.days - 1 THEN p.each ELSE p.worth - p.each * (p.days - 1) END
        AS value,
    CAST(p.worth IS NULL AS INTEGER) AS fx_missing
FROM placed p LEFT JOIN campaigns k ON k.connection || ':' || k.id = p.campaign;

-- acquisition_days: the same, as many months later as the setting `acquisition_lag_months` says that spend takes to work.
CREATE OR REPLACE VIEW acquisition_days AS
SELECT * REPLACE (CAST(day + to_months(acquisition_lag_months()) AS DATE) AS day) FROM spend_days;

-- paid_leads: the leads that a cost is divided by; with the setting `paid_leads_only` those whose source or campaign
-- marketing has ever paid for.
CREATE OR REPLACE VIEW paid_leads AS
SELECT * FROM created_leads
WHERE NOT paid_leads_only() OR source IN (SELECT source FROM spend_days
        WHERE cost_category = 'marketing' AND source <> '__none__')
    OR campaign IN (SELECT campaign FROM spend_days WHERE cost_category = 'marketing' AND campaign <> '__none__');

-- lead_revenue: one row is one lead that marketing brought, on the day of its creation, with what its deal brought by
-- now (credits take away); a deal of several leads is the earliest one's, whatever its category.
CREATE OR REPLACE TABLE lead_revenue AS
WITH firsts AS (
    SELECT k.lead, c.revenue, c.won
    FROM lead k JOIN leads r ON r.connection = k.connection AND r.id = k.id
    JOIN deal d ON d.connection = k.connection AND d.id = k.deal_id
    JOIN closed_deals c ON c.deal = d.deal AND c.booked = 1
    QUALIFY row_number() OVER (PARTITION BY d.deal ORDER BY r.created_at NULLS LAST, r.id) = 1
)
SELECT l.*, f.revenue, coalesce(f.won, 0) AS brought_win FROM created_leads l LEFT JOIN firsts f ON f.lead = l.lead
WHERE l.source_category = 'marketing';

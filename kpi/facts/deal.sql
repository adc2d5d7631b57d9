-- deal: the deals in scope as they stand, one row each, with the dimensions that don't depend on a moment.
CREATE OR REPLACE TABLE deal AS
WITH main_line AS (
    SELECT connection, deal_id,
        first(member_id(connection, product_id) ORDER BY net_amount DESC NULLS LAST, id) AS product
    FROM line_items GROUP BY connection, deal_id
),
led AS (
    SELECT l.connection, coalesce(f.id, l.converted_deal_id) AS deal_id,
        first(l.source ORDER BY touch_order(l.created_at) NULLS LAST, l.id) AS source,
        first(l.source_category ORDER BY touch_order(l.created_at) NULLS LAST, l.id) AS source_category
    FROM leads l
    LEFT JOIN survivors f ON f.entity = 'deals' AND f.connection = l.connection AND f.old_id = l.converted_deal_id
    WHERE l.converted_deal_id IS NOT NULL AND l.deleted_at IS NULL AND l.merged_into_id IS NULL GROUP BY ALL
),
base AS (
    SELECT d.connection, row_number() OVER () AS deal, d.id, d.pipeline_id, d.stage_id AS stage_key, d.owner_id,
        d.amount, d.probability, d.forecast_category, d.close_date, d.closed_at, d.created_at,
        local_day(d.created_at) AS created_day,
        CASE WHEN close_date_policy() = 'closed_at' THEN coalesce(local_day(d.closed_at), d.close_date)
            ELSE coalesce(d.close_date, local_day(d.closed_at)) END AS close_day,
        coalesce(d.is_closed, s.is_closed, false) AS closed,
        coalesce(d.is_won, s.is_won, false) AS marked_won,
        coalesce(d.currency, a.base_currency, reporting_currency()) AS deal_currency,
        CASE WHEN a.base_currency = reporting_currency() THEN d.fx_rate END AS own_rate,
        coalesce(g.id, d.company_id) AS company_id, d.primary_contact_id,
        member_id(d.connection, d.pipeline_id) AS pipeline,
        stage_id(d.connection, d.pipeline_id, d.stage_id) AS stage,
        member(c.country) AS country,
        member(coalesce(d.region, c.region, m.region)) AS region,
        member(c.industry) AS industry,
        member(coalesce(c.size_band, employees_band(c.employees))) AS size_band,
        source_name(CASE attribution() WHEN 'latest' THEN coalesce(e.source, d.source, p.source)
            ELSE coalesce(d.source, e.source, p.source) END) AS any_source,
        CASE attribution() WHEN 'latest'
            THEN coalesce(e.source_category, CASE WHEN e.source IS NULL THEN d.source_category END)
            ELSE coalesce(d.source_category, CASE WHEN d.source IS NULL THEN e.source_category END) END
            AS own_category,
        member_id(d.connection, d.campaign_id) AS campaign,
        member(d.channel) AS channel,
        member_id(d.connection, coalesce(g.id, d.company_id)) AS company,
        coalesce(l.product, '__none__') AS product,
        d.deal_type AS own_type,
        member(trim(d.lost_reason)) AS lost_reason
    FROM deals d
    LEFT JOIN stages s ON s.connection = d.connection AND s.pipeline_id = d.pipeline_id AND s.id = d.stage_id
    LEFT JOIN pipelines k ON k.connection = d.connection AND k.id = d.pipeline_id
    LEFT JOIN (SELECT connection, any_value(base_currency) AS base_currency FROM accounts GROUP BY connection) a
        ON a.connection = d.connection
    LEFT JOIN survivors g ON g.entity = 'companies' AND g.connection = d.connection AND g.old_id = d.company_id
    LEFT JOIN companies c ON c.connection = d.connection AND c.id = coalesce(g.id, d.company_id)
    LEFT JOIN region_map m ON m.country = c.country
    LEFT JOIN survivors h ON h.entity = 'contacts' AND h.connection = d.connection AND h.old_id = d.primary_contact_id
    LEFT JOIN contacts p ON p.connection = d.connection AND p.id = coalesce(h.id, d.primary_contact_id)
    LEFT JOIN led e ON e.connection = d.connection AND e.deal_id = d.id
    LEFT JOIN main_line l ON l.connection = d.connection AND l.deal_id = d.id
    WHERE coalesce(k.include_in_kpis, true)
),
settled AS (
    SELECT *, closed AND marked_won AS won, coalesce(amount, 0) >= 0 AS is_regular,
        CASE WHEN deal_currency IS NOT DISTINCT FROM reporting_currency() THEN CAST(1 AS DECIMAL(38, 6))
            ELSE own_rate END AS fixed_rate,
        member(deal_currency) AS currency, member(any_source) AS source
    FROM base
),
first_wins AS (
    SELECT company, min(close_day) AS first_won_day FROM settled
    WHERE won AND is_regular AND company <> '__none__' GROUP BY company
)
SELECT s.* EXCLUDE (own_rate, marked_won, any_source, own_category, own_type),
    coalesce(s.own_category, m.category, 'unknown') AS source_category,
    CASE WHEN s.own_type IS NOT NULL THEN s.own_type WHEN w.first_won_day < s.created_day THEN 'expansion'
        ELSE 'new_business' END AS deal_type
FROM settled s
LEFT JOIN source_map m ON m.source = s.any_source
LEFT JOIN first_wins w ON w.company = s.company;

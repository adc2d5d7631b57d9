-- order_values: one row is one order with a known worth that is no credit: an order record where the connection keeps
-- them, else a won deal.
CREATE OR REPLACE TABLE order_values AS
WITH named AS (
    SELECT r.*, d.deal, coalesce(r.ordered_on, d.close_day) AS day,
        coalesce(r.currency, d.deal_currency, b.base_currency, reporting_currency()) AS own_currency
    FROM orders r
    LEFT JOIN survivors f ON f.entity = 'deals' AND f.connection = r.connection AND f.old_id = r.deal_id
    LEFT JOIN deal d ON d.connection = r.connection AND d.id = coalesce(f.id, r.deal_id)
    LEFT JOIN bases b ON b.connection = r.connection
    WHERE r.deleted_at IS NULL AND r.merged_into_id IS NULL
        AND coalesce(lower(trim(r.status)), '') NOT IN ('canceled', 'cancelled', 'draft')
),
valued AS (
    SELECT n.*, converted(n.amount, rate_of(n.own_currency, o.rate, a.rate)) AS worth
    FROM named n
    LEFT JOIN rates o ON o.connection = n.connection AND o.currency = n.own_currency AND o.day = n.day
    LEFT JOIN any_rates a ON a.currency = n.own_currency AND a.day = n.day
),
placed AS (
    SELECT v.connection, v.id, v.day, v.worth, v.amount, v.own_currency, d.deal, s.owner, s.team, d.pipeline, d.stage,
        coalesce(d.country, member(c.country)) AS country,
        coalesce(d.region, member(coalesce(c.region, m.region))) AS region,
        coalesce(d.industry, member(c.industry)) AS industry,
        coalesce(d.size_band, member(coalesce(c.size_band, employees_band(c.employees)))) AS size_band,
        d.source, d.source_category, d.campaign, d.channel, d.product, d.deal_type,
        coalesce(d.company, member_id(v.connection, coalesce(g.id, v.company_id))) AS company
    FROM valued v LEFT JOIN deal d ON d.deal = v.deal LEFT JOIN settled_deals s ON s.deal = v.deal
    LEFT JOIN survivors g ON g.entity = 'companies' AND g.connection = v.connection AND g.old_id = v.company_id
    LEFT JOIN companies c ON v.deal IS NULL AND c.connection = v.connection AND c.id = coalesce(g.id, v.company_id)
    LEFT JOIN region_map m ON m.country = c.country
    WHERE v.day IS NOT NULL AND coalesce(v.amount, 0) >= 0 AND (coalesce(v.amount, 1) <> 0 OR NOT orders_exclude_zero())
)
SELECT connection, id, deal, day, coalesce(owner, '__none__') AS owner, coalesce(team, '__none__') AS team,
    coalesce(pipeline, '__none__') AS pipeline, coalesce(stage, '__none__') AS stage, country, region, industry,
    size_band, coalesce(source, '__none__') AS source, coalesce(source_category, 'unknown') AS source_category,
    coalesce(campaign, '__none__') AS campaign, coalesce(channel, '__none__') AS channel,
    coalesce(product, '__none__') AS product, coalesce(deal_type, '__none__') AS deal_type,
    member(own_currency) AS currency, amount_band(worth) AS deal_size_band, company, worth,
    CAST(amount IS NOT NULL AS INTEGER) AS with_amount, CAST(amount IS NOT NULL AND worth IS NULL AS INTEGER) AS fx_missing
FROM placed
UNION ALL BY NAME
SELECT connection, id, deal, day, owner, team, pipeline, stage, country, region, industry, size_band, source,
    source_category, campaign, channel, product, deal_type, currency, deal_size_band, company, won_value AS worth,
    with_amount, fx_missing
FROM closed_deals WHERE won = 1 AND connection NOT IN (SELECT connection FROM orders)
    AND (coalesce(amount, 1) <> 0 OR NOT orders_exclude_zero());

-- credited_deals: one row is one credit for what was sold. With the setting `revenue_basis: order` one row is one order,
-- credited to its deal's owner.
CREATE OR REPLACE VIEW credited_deals AS
SELECT * FROM split_deals WHERE revenue_basis() = 'deal'
UNION ALL BY NAME
SELECT *, false AS is_scaled, 1 AS share FROM closed_deals
WHERE revenue_basis() = 'deal' AND (credit_mode() <> 'splits' OR deal NOT IN (SELECT deal FROM split_deals))
UNION ALL BY NAME
SELECT o.*, coalesce(o.worth, 0) AS revenue, 1 AS booked, 1 AS won, 0 AS credit, coalesce(c.by_rep, 0) AS by_rep,
    coalesce(c.role, '__none__') AS role, coalesce(c.tenure_band, '__none__') AS tenure_band, false AS is_scaled,
    1 AS share
FROM order_values o LEFT JOIN closed_deals c ON c.deal = o.deal WHERE revenue_basis() = 'order';

-- price_gaps: one row is one product at the end of a month (and now), with its list price by the mean of what each
-- competitor asks; the latest price of each within ninety days.
CREATE OR REPLACE TABLE seen_prices AS
WITH named AS (
    SELECT c.*, home(c.connection, 'products', c.product_id) AS product,
        coalesce(c.currency, b.base_currency, reporting_currency()) AS own_currency
    FROM competitor_prices c LEFT JOIN bases b ON b.connection = c.connection
    WHERE c.product_id IS NOT NULL AND c.observed_on IS NOT NULL AND c.price IS NOT NULL
)
SELECT n.connection, n.id, n.product, member(n.competitor) AS competitor, member(n.region) AS region, n.own_currency,
    n.observed_on, converted(n.price, rate_of(n.own_currency, o.rate, a.rate)) AS price
FROM named n
LEFT JOIN rates o ON o.connection = n.connection AND o.currency = n.own_currency AND o.day = n.observed_on
LEFT JOIN any_rates a ON a.currency = n.own_currency AND a.day = n.observed_on;

CREATE OR REPLACE TABLE every_price_gap AS
WITH looked AS (SELECT day, false AS is_now FROM moments UNION ALL SELECT today(), true),
latest AS (
    SELECT l.day, l.is_now, s.product, s.competitor, arg_max(s.region, (s.observed_on, s.id)) AS region,
        arg_max(s.price, (s.observed_on, s.id)) AS price
    FROM looked l JOIN seen_prices s ON s.observed_on <= l.day AND s.observed_on >= l.day - 90
    WHERE s.price IS NOT NULL GROUP BY ALL
),
theirs AS (
    SELECT day, is_now, product, competitor, region, GROUPING(competitor, region) AS level, avg(price) AS price
    FROM latest GROUP BY day, is_now, product, GROUPING SETS ((), (competitor), (region))
),
sold AS (
    SELECT l.day, l.is_now, p.product, greatest(sum(p.value), 0) AS weight FROM looked l
    JOIN product_lines p ON p.day <= l.day AND p.day > l.day - 365
    WHERE p.product IN (SELECT product FROM seen_prices) GROUP BY ALL
),
ours AS (
    SELECT p.connection || ':' || p.id AS product, p.connection, p.id, p.list_price,
        coalesce(p.currency, b.base_currency, reporting_currency()) AS currency
    FROM products p LEFT JOIN bases b ON b.connection = p.connection WHERE p.list_price IS NOT NULL
)
SELECT t.level, t.day, t.is_now, u.product, t.competitor, t.region, u.currency, u.connection, u.id,
    CAST(converted(u.list_price, rate_of(u.currency, o.rate, a.rate)) / t.price AS DECIMAL(38, 10)) AS gap,
    coalesce(w.weight, 0) AS weight
FROM theirs t JOIN ours u ON u.product = t.product
LEFT JOIN sold w ON w.product = t.product AND w.day = t.day AND w.is_now = t.is_now
LEFT JOIN rates o ON o.connection = u.connection AND o.currency = u.currency AND o.day = t.day
LEFT JOIN any_rates a ON a.currency = u.currency AND a.day = t.day
WHERE t.price > 0 AND rate_of(u.currency, o.rate, a.rate) IS NOT NULL;

CREATE OR REPLACE VIEW price_gaps AS FROM every_price_gap WHERE level = 3;
CREATE OR REPLACE VIEW price_gaps_by_competitor AS FROM every_price_gap WHERE level = 1;
CREATE OR REPLACE VIEW price_gaps_by_region AS FROM every_price_gap WHERE level = 2;

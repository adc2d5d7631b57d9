-- adoption: one row is one change of how many products a customer owns: bought less returned, or subscribed to.
CREATE OR REPLACE TABLE adoption AS
WITH moved AS (
    SELECT k.customer, member_id(l.connection, coalesce(s.id, l.product_id)) AS product, d.day,
        CASE WHEN d.won = 0 OR l.net_amount < 0 THEN -abs(coalesce(l.quantity, 1)) ELSE coalesce(l.quantity, 1) END
            AS quantity, 0 AS subscriptions
    FROM line_items l JOIN deal_customer k ON k.connection = l.connection AND k.id = l.deal_id
    JOIN closed_deals d ON d.deal = k.deal
    LEFT JOIN survivors s ON s.entity = 'products' AND s.connection = l.connection AND s.old_id = l.product_id
    WHERE d.booked = 1 AND l.product_id IS NOT NULL
),
subscribed_to AS (
    SELECT 'company:' || h.home || ':' || h.home_id AS customer, p.home || ':' || p.home_id AS product,
        s.start_date, s.end_date
    FROM subscriptions s
    JOIN referents h ON h.entity = 'companies' AND h.connection = s.connection AND h.id = s.company_id
    JOIN referents p ON p.entity = 'products' AND p.connection = s.connection AND p.id = s.product_id
    WHERE s.start_date IS NOT NULL AND coalesce(s.end_date > s.start_date, true)
),
turns AS (
    SELECT * FROM moved
    UNION ALL SELECT customer, product, start_date, 0, 1 FROM subscribed_to
    UNION ALL SELECT customer, product, end_date, 0, -1 FROM subscribed_to WHERE end_date IS NOT NULL
),
held AS (
    SELECT customer, product, day, sum(sum(quantity)) OVER one > 0 OR sum(sum(subscriptions)) OVER one > 0 AS is_owned
    FROM turns GROUP BY customer, product, day WINDOW one AS (PARTITION BY customer, product ORDER BY day)
),
stepped AS (
    SELECT customer, day, CAST(is_owned AS INTEGER) - coalesce(CAST(lag(is_owned) OVER
        (PARTITION BY customer, product ORDER BY day) AS INTEGER), 0) AS step FROM held
),
counted AS (
    SELECT customer, day, sum(sum(step)) OVER (PARTITION BY customer ORDER BY day) AS products
    FROM stepped GROUP BY customer, day
),
changed AS (
    SELECT customer, day, products - coalesce(lag(products) OVER one, 0) AS products,
        CAST(products > 0 AS INTEGER) - coalesce(CAST(lag(products) OVER one > 0 AS INTEGER), 0) AS owners,
        CAST(products > 1 AS INTEGER) - coalesce(CAST(lag(products) OVER one > 1 AS INTEGER), 0) AS adopters,
        0 AS unknown
    FROM counted WINDOW one AS (PARTITION BY customer ORDER BY day)
),
known AS (SELECT customer, min(day) AS day FROM turns GROUP BY customer),
unknown AS (
    SELECT c.customer, c.first_won_day AS day, 1 AS unknown FROM customers c WHERE c.first_won_day IS NOT NULL
    UNION ALL SELECT c.customer, greatest(k.day, c.first_won_day), -1 FROM customers c
    JOIN known k ON k.customer = c.customer WHERE c.first_won_day IS NOT NULL
)
SELECT e.day, e.products, e.owners, e.adopters, e.unknown, c.* FROM (
    SELECT * FROM changed UNION ALL SELECT customer, day, 0, 0, 0, unknown FROM unknown
) e JOIN customers c ON c.customer = e.customer;

-- usage_periods: one row is one customer of a period, and whether it used a product in it.
CREATE OR REPLACE TABLE usage_periods AS
WITH used AS (
    SELECT DISTINCT 'company:' || h.home || ':' || h.home_id AS customer, u.day FROM product_usage u
    JOIN referents h ON h.entity = 'companies' AND h.connection = u.connection AND h.id = u.company_id
    WHERE u.active_users > 0 OR u.events > 0
),
active AS (
    SELECT DISTINCT p.calendar, p.grain, p.start_day, u.customer FROM used u
    JOIN periods p ON u.day >= p.start_day AND u.day < p.end_day WHERE p.grain NOT IN ('day', 'week')
),
with_access AS (
    SELECT DISTINCT p.calendar, p.grain, p.start_day, s.customer FROM present_spans s
    JOIN periods p ON s.since < p.end_day AND s.until > p.start_day WHERE p.grain NOT IN ('day', 'week')
        AND EXISTS (SELECT 1 FROM product_usage)
)
SELECT w.calendar, w.grain, w.start_day AS period_start, CAST(a.customer IS NOT NULL AS INTEGER) AS active, c.*
FROM with_access w JOIN customers c ON c.customer = w.customer
LEFT JOIN active a ON a.calendar = w.calendar AND a.grain = w.grain AND a.start_day = w.start_day
    AND a.customer = w.customer;

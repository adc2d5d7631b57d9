-- customer_wins: one row is one won deal of a customer, with its place among them: by close day, closing time, id.
CREATE OR REPLACE TABLE customer_wins AS
SELECT c.deal, d.connection, d.id, k.customer, c.day, c.product, c.currency, c.source, c.deal_type,
    row_number() OVER (PARTITION BY k.customer ORDER BY c.day, d.closed_at NULLS LAST, d.id) AS nth
FROM closed_deals c JOIN deal d ON d.deal = c.deal JOIN deal_customer k ON k.deal = c.deal WHERE c.won = 1;

-- subscribed: the spans of days [since, until) over which a customer has a subscription; no two of them touch.
CREATE OR REPLACE TABLE subscribed AS
WITH spans AS (
    SELECT 'company:' || h.home || ':' || h.home_id AS customer, s.start_date AS since,
        coalesce(s.end_date, DATE '9999-01-01') AS until
    FROM subscriptions s
    JOIN referents h ON h.entity = 'companies' AND h.connection = s.connection AND h.id = s.company_id
    WHERE s.start_date IS NOT NULL AND coalesce(s.end_date > s.start_date, true)
),
marked AS (
    SELECT *, CASE WHEN since <= max(until) OVER (PARTITION BY customer ORDER BY since, until
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) THEN 0 ELSE 1 END AS is_new FROM spans
),
islands AS (
    SELECT *, sum(is_new) OVER (PARTITION BY customer ORDER BY since, until ROWS UNBOUNDED PRECEDING) AS island
    FROM marked
)
SELECT customer, min(since) AS since, max(until) AS until FROM islands GROUP BY customer, island;

-- customers: one row is one customer, whoever has won or subscribed, with dimensions as they stand.
CREATE OR REPLACE TABLE customers AS
WITH firsts AS (SELECT * FROM customer_wins WHERE nth = 1),
starts AS (SELECT customer, min(since) AS day FROM subscribed GROUP BY customer),
every AS (SELECT customer FROM firsts UNION SELECT customer FROM starts)
SELECT e.customer, f.day AS first_won_day, s.day AS first_subscribed_day,
    coalesce(q.country, '__none__') AS country, coalesce(q.region, '__none__') AS region,
    coalesce(q.industry, '__none__') AS industry, coalesce(q.size_band, '__none__') AS size_band,
    coalesce(q.owner, '__none__') AS owner, coalesce(q.team, '__none__') AS team,
    coalesce(f.product, '__none__') AS product, coalesce(f.currency, '__none__') AS currency,
    coalesce(f.source, '__none__') AS source, coalesce(q.company, '__none__') AS company,
    coalesce(strftime(least(f.day, s.day), '%Y-%m'), '__none__') AS cohort,
    coalesce(q.connection, f.connection, split_part(e.customer, ':', 2)) AS connection
FROM every e LEFT JOIN firsts f ON f.customer = e.customer LEFT JOIN starts s ON s.customer = e.customer
LEFT JOIN parties q ON q.party = e.customer;

-- by_subscription(): whether subscriptions make customers, and not wins.
CREATE OR REPLACE TABLE bases_of_customers AS SELECT customer_basis() = 'subscription'
    OR customer_basis() = 'auto' AND EXISTS (SELECT 1 FROM subscriptions) AS by_subscription;
CREATE OR REPLACE MACRO by_subscription() AS (SELECT any_value(by_subscription) FROM bases_of_customers);

-- present_spans: the days [since, until) on which somebody is a customer: with a subscription, where there are any,
-- else with a win in the window of days before.
CREATE OR REPLACE TABLE present_spans AS
WITH bought AS (
    SELECT customer, day AS since, day + active_customer_days() AS until FROM customer_wins
),
marked AS (
    SELECT *, CASE WHEN since <= max(until) OVER (PARTITION BY customer ORDER BY since, until
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) THEN 0 ELSE 1 END AS is_new FROM bought
),
islands AS (
    SELECT *, sum(is_new) OVER (PARTITION BY customer ORDER BY since, until ROWS UNBOUNDED PRECEDING) AS island
    FROM marked
)
SELECT s.customer, s.since, s.until FROM subscribed s WHERE by_subscription()
UNION ALL
SELECT customer, min(since), max(until) FROM islands WHERE NOT by_subscription()
GROUP BY customer, island;

-- counted_wins: the wins that count as purchases; with the setting `exclude_renewals` no renewals but a first win.
CREATE OR REPLACE VIEW counted_wins AS
SELECT * FROM customer_wins WHERE NOT exclude_renewals()
UNION ALL
SELECT * REPLACE (row_number() OVER (PARTITION BY customer ORDER BY nth) AS nth) FROM customer_wins
WHERE exclude_renewals() AND (nth = 1 OR deal_type <> 'renewal');

-- purchases: one row is one win of a customer on its day; `first` and `second` mark the customer's own.
CREATE OR REPLACE TABLE purchases AS
SELECT w.connection, w.id, w.deal, w.day, c.customer, c.country, c.region, c.industry, c.size_band, c.owner, c.team, c.product,
    c.currency, c.source, c.cohort, c.company, CAST(w.nth = 1 AS INTEGER) AS first, CAST(w.nth = 2 AS INTEGER) AS second,
    CAST(w.nth > 1 AS INTEGER) AS further
FROM counted_wins w JOIN customers c ON c.customer = w.customer;

-- first_purchases: one row is one customer on the day of the first win; `again` where a second came within a year.
CREATE OR REPLACE TABLE first_purchases AS
SELECT p.*, CAST(coalesce(s.day < p.day + INTERVAL 12 MONTH, false) AS INTEGER) AS again,
    today() < p.day + INTERVAL 12 MONTH AS is_young
FROM purchases p LEFT JOIN counted_wins s ON s.customer = p.customer AND s.nth = 2 WHERE p.first = 1;

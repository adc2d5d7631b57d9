-- customer_changes: one row is one customer that comes (+1) or goes (-1), on the day.
CREATE OR REPLACE TABLE customer_changes AS
WITH turns AS (
    SELECT customer, since AS day, 1 AS change FROM present_spans
    UNION ALL SELECT customer, until, -1 FROM present_spans WHERE until < DATE '9999-01-01'
)
SELECT t.day, t.change, c.* FROM turns t JOIN customers c ON c.customer = t.customer;

-- mrr_changes: one row is what a subscription adds to the monthly revenue, or takes away, on the day; in another
-- currency also whenever its rate changes.
CREATE OR REPLACE TABLE mrr_changes AS
WITH priced AS (
    SELECT row_number() OVER () AS subscription, s.connection, s.id,
        'company:' || h.home || ':' || h.home_id AS customer, s.start_date, s.mrr,
        coalesce(s.end_date, DATE '9999-01-01') AS end_date,
        coalesce(s.currency, a.base_currency, reporting_currency()) AS currency
    FROM subscriptions s
    JOIN referents h ON h.entity = 'companies' AND h.connection = s.connection AND h.id = s.company_id
    LEFT JOIN bases a ON a.connection = s.connection
    WHERE s.start_date IS NOT NULL AND coalesce(s.end_date > s.start_date, true)
),
edges AS (
    SELECT *, start_date AS from_day FROM priced
    UNION SELECT p.*, r.from_day FROM priced p JOIN rate_steps r ON r.currency = p.currency
        AND r.from_day > p.start_date AND r.from_day < least(p.end_date, today() + 1)
    WHERE p.currency IS DISTINCT FROM reporting_currency()
),
rated AS (
    SELECT e.*, CASE WHEN e.currency = reporting_currency() THEN 1 ELSE coalesce(r.rate, o.rate) END AS rate,
        coalesce(lead(e.from_day) OVER (PARTITION BY e.subscription ORDER BY e.from_day), e.end_date) AS to_day
    FROM edges e
    LEFT JOIN rates r ON r.connection = e.connection AND r.currency = e.currency AND r.day = e.from_day
    LEFT JOIN any_rates o ON o.currency = e.currency AND o.day = e.from_day
),
turns AS (
    SELECT *, from_day AS day, 1 AS sign FROM rated
    UNION ALL SELECT *, to_day, -1 FROM rated WHERE to_day < DATE '9999-01-01'
)
SELECT t.day, t.sign * coalesce(converted(t.mrr, t.rate), 0) AS mrr,
    CAST(t.sign * CAST(t.mrr IS NOT NULL AND t.rate IS NULL AS INTEGER) AS INTEGER) AS fx_missing, t.sign, c.*
FROM turns t JOIN customers c ON c.customer = t.customer;

-- customer_periods: one row is one customer that was one when a period began, and whether it still was at its end; for
-- days and weeks one row is all of them. `returned` were lost and came back in between.
CREATE OR REPLACE TABLE customer_periods AS
WITH spans AS (
    SELECT customer, since, until, lead(since) OVER (PARTITION BY customer ORDER BY since) AS next_since
    FROM present_spans
),
ends AS (
    SELECT calendar, grain, start_day, CAST(start_day - 1 AS DATE) AS day_before, CASE grain WHEN 'month' THEN 1 WHEN 'quarter' THEN 3 WHEN 'year' THEN 12 END AS months,
        CAST(CASE WHEN is_running THEN today() ELSE end_day - 1 END AS DATE) AS last_day,
        elapsed_days / (end_day - start_day) AS elapsed
    FROM periods
),
opened AS (
    SELECT p.*, s.customer FROM ends p JOIN spans s ON p.day_before >= s.since AND p.day_before < s.until
    WHERE p.grain NOT IN ('day', 'week')
),
gaps AS (
    SELECT p.calendar, p.grain, p.start_day, s.customer, s.until, coalesce(s.next_since, DATE '9999-01-01') AS next_since,
        p.last_day FROM ends p JOIN spans s ON s.until >= p.start_day AND s.until <= p.last_day
),
turned AS (
    SELECT g.calendar, g.grain, g.start_day, g.customer, bool_or(g.next_since > g.last_day) AS is_lost
    FROM gaps g JOIN spans b ON b.customer = g.customer
        AND g.start_day - 1 >= b.since AND g.start_day - 1 < b.until
    GROUP BY ALL
),
each AS (
    SELECT o.calendar, o.grain, o.start_day AS period_start, o.months, o.elapsed, o.customer, 1 AS opening,
        CAST(coalesce(t.is_lost, false) AS INTEGER) AS lost, CAST(coalesce(NOT t.is_lost, false) AS INTEGER) AS returned
    FROM opened o LEFT JOIN turned t ON t.calendar = o.calendar AND t.grain = o.grain AND t.start_day = o.start_day
        AND t.customer = o.customer
),
levels AS (
    SELECT day, sum(sum(change)) OVER (ORDER BY day) AS customers FROM customer_changes GROUP BY day
),
short AS (
    SELECT p.calendar, p.grain, p.start_day, p.months, p.elapsed, l.customers FROM ends p
    ASOF JOIN levels l ON p.day_before >= l.day WHERE p.grain IN ('day', 'week')
),
short_turns AS (
    SELECT calendar, grain, start_day, count(*) FILTER (is_lost) AS lost, count(*) FILTER (NOT is_lost) AS returned
    FROM turned GROUP BY ALL
)
SELECT e.calendar, e.grain, e.period_start, e.months, e.elapsed, e.opening, e.lost, e.returned, c.*
FROM each e JOIN customers c ON c.customer = e.customer
UNION ALL BY NAME
SELECT s.calendar, s.grain, s.start_day AS period_start, s.months, s.elapsed, s.customers AS opening,
    coalesce(t.lost, 0) AS lost, coalesce(t.returned, 0) AS returned
FROM short s LEFT JOIN short_turns t ON t.calendar = s.calendar AND t.grain = s.grain AND t.start_day = s.start_day
WHERE s.customers > 0;

-- leavings: one row is one customer that went, on the first day without, with its tenure in days.
CREATE OR REPLACE TABLE leavings AS
SELECT s.until AS day, s.until - min(s.since) OVER (PARTITION BY s.customer) AS tenure, c.*
FROM present_spans s JOIN customers c ON c.customer = s.customer WHERE s.until <= today();

-- prospect_periods: one row is one prospect in play in a period, and whether it became a customer in it; for days one
-- row is all of them.
CREATE OR REPLACE TABLE prospect_periods AS
WITH begun AS (
    SELECT customer, first_won_day, first_subscribed_day, least(first_won_day, first_subscribed_day) AS since
    FROM customers
),
spans AS (
    SELECT k.customer, o.since, coalesce(o.until, DATE '9999-01-01') AS until
    FROM open_spans o JOIN deal_customer k ON k.deal = o.deal
    UNION ALL SELECT party, day, day FROM lead WHERE day IS NOT NULL
),
marked AS (
    SELECT *, CASE WHEN since <= max(until) OVER (PARTITION BY customer ORDER BY since, until
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + 1 THEN 0 ELSE 1 END AS is_new FROM spans
    WHERE since <= until
),
islands AS (
    SELECT *, sum(is_new) OVER (PARTITION BY customer ORDER BY since, until ROWS UNBOUNDED PRECEDING) AS island
    FROM marked
),
whole AS (
    SELECT customer, min(since) AS since, max(until) AS until FROM islands GROUP BY customer, island
    UNION ALL SELECT * FROM spans WHERE since > until
),
merged AS (SELECT w.*, b.since AS customer_since FROM whole w LEFT JOIN begun b ON b.customer = w.customer),
pairs AS (
    SELECT DISTINCT p.calendar, p.grain, p.start_day, p.end_day, m.customer FROM periods p
    JOIN merged m ON m.since < p.end_day AND m.until >= p.start_day
    WHERE p.grain <> 'day' AND coalesce(m.customer_since >= p.start_day, true)
),
by_day AS (
    SELECT since, least(until, customer_since) AS until FROM merged
    WHERE since <= until AND coalesce(since <= customer_since, true)
),
steps AS (
    SELECT since AS day, 1 AS step FROM by_day
    UNION ALL SELECT CAST(until + 1 AS DATE), -1 FROM by_day WHERE until < DATE '9999-01-01'
),
levels AS (SELECT day, sum(sum(step)) OVER (ORDER BY day) AS prospects FROM steps GROUP BY day),
won_on AS (
    SELECT b.first_won_day AS day, count(*) AS won FROM begun b
    WHERE coalesce(b.first_subscribed_day >= b.first_won_day, true)
        AND EXISTS (SELECT 1 FROM merged m WHERE m.customer = b.customer AND m.since <= b.first_won_day
            AND m.until >= b.first_won_day)
    GROUP BY b.first_won_day
)
SELECT p.calendar, p.grain, p.start_day AS period_start, 1 AS prospects,
    CAST(coalesce(b.first_won_day >= p.start_day AND b.first_won_day < p.end_day, false) AS INTEGER) AS won,
    coalesce(q.country, '__none__') AS country, coalesce(q.region, '__none__') AS region,
    coalesce(q.industry, '__none__') AS industry, coalesce(q.size_band, '__none__') AS size_band,
    coalesce(q.owner, '__none__') AS owner, coalesce(q.source, '__none__') AS source,
    coalesce(q.connection, split_part(p.customer, ':', 2)) AS connection, p.customer
FROM pairs p LEFT JOIN begun b ON b.customer = p.customer LEFT JOIN parties q ON q.party = p.customer
UNION ALL BY NAME
SELECT p.calendar, p.grain, p.start_day AS period_start, l.prospects, coalesce(w.won, 0) AS won
FROM periods p ASOF JOIN levels l ON p.start_day >= l.day LEFT JOIN won_on w ON w.day = p.start_day
WHERE p.grain = 'day';

-- customer_orders: one row is one order with its customer's dimensions.
CREATE OR REPLACE TABLE customer_orders AS
SELECT o.connection, o.id, o.day, coalesce(o.worth, 0) AS worth, coalesce(o.fx_missing, 0) AS fx_missing,
    coalesce(k.customer, 'company:' || o.company) AS customer,
    coalesce(c.country, '__none__') AS country, coalesce(c.region, '__none__') AS region,
    coalesce(c.industry, '__none__') AS industry, coalesce(c.size_band, '__none__') AS size_band,
    coalesce(c.owner, '__none__') AS owner, coalesce(c.team, '__none__') AS team,
    coalesce(c.product, '__none__') AS product, coalesce(c.currency, '__none__') AS currency,
    coalesce(c.source, '__none__') AS source, coalesce(c.cohort, '__none__') AS cohort,
    coalesce(c.company, '__none__') AS company
FROM order_values o LEFT JOIN deal_customer k ON k.deal = o.deal
LEFT JOIN customers c ON c.customer = coalesce(k.customer, 'company:' || o.company);

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

-- period_ends: the periods with the last day that counts in them, today in running ones.
CREATE OR REPLACE TABLE period_ends AS
SELECT calendar, grain, start_day, CAST(start_day - 1 AS DATE) AS day_before,
    CASE grain WHEN 'month' THEN 1 WHEN 'quarter' THEN 3 WHEN 'year' THEN 12 END AS months,
    CAST(CASE WHEN is_running THEN today() ELSE end_day - 1 END AS DATE) AS last_day, elapsed_days,
    end_day - start_day AS all_days
FROM periods;

-- customer_turns: one row is one customer of the day before a period who went within it; lost, or back at its end.
CREATE OR REPLACE TABLE customer_turns AS
WITH spans AS (
    SELECT customer, until, coalesce(lead(since) OVER (PARTITION BY customer ORDER BY since), DATE '9999-01-01')
        AS next_since FROM present_spans
),
placed AS (SELECT *, unnest(range(start_day, last_day + 1, INTERVAL 1 DAY)) AS day FROM period_ends),
gaps AS (
    SELECT p.calendar, p.grain, p.start_day, p.day_before, p.last_day, s.customer, s.next_since FROM placed p
    JOIN spans s ON s.until = CAST(p.day AS DATE)
)
SELECT g.calendar, g.grain, g.start_day, g.customer, bool_or(g.next_since > g.last_day) AS is_lost
FROM gaps g JOIN present_spans b ON b.customer = g.customer AND g.day_before >= b.since AND g.day_before < b.until
GROUP BY ALL;

-- customer_stays: one row is one customer that was one when a period began, and whether it still was at its end.
-- `returned` were lost and came back in between.
CREATE OR REPLACE TABLE customer_stays AS
WITH opened AS (
    SELECT p.*, s.customer FROM period_ends p
    JOIN present_spans s ON p.day_before >= s.since AND p.day_before < s.until WHERE p.grain NOT IN ('day', 'week')
)
SELECT o.calendar, o.grain, o.start_day AS period_start, o.months, o.elapsed_days, o.all_days, o.customer, 1 AS opening,
    CAST(coalesce(t.is_lost, false) AS INTEGER) AS lost, CAST(coalesce(NOT t.is_lost, false) AS INTEGER) AS returned
FROM opened o LEFT JOIN customer_turns t ON t.calendar = o.calendar AND t.grain = o.grain AND t.start_day = o.start_day
    AND t.customer = o.customer;

-- customer_days: one row is one day or week with all who were customers when it began.
CREATE OR REPLACE TABLE customer_days AS
WITH levels AS (
    SELECT day, sum(sum(change)) OVER (ORDER BY day) AS customers FROM customer_changes GROUP BY day
),
short AS (
    SELECT p.*, l.customers FROM period_ends p ASOF JOIN levels l ON p.day_before >= l.day
    WHERE p.grain IN ('day', 'week')
),
turned AS (
    SELECT calendar, grain, start_day, count(*) FILTER (is_lost) AS lost, count(*) FILTER (NOT is_lost) AS returned
    FROM customer_turns GROUP BY ALL
)
SELECT s.calendar, s.grain, s.start_day AS period_start, s.months, s.elapsed_days, s.all_days, s.customers AS opening,
    coalesce(t.lost, 0) AS lost, coalesce(t.returned, 0) AS returned
FROM short s LEFT JOIN turned t ON t.calendar = s.calendar AND t.grain = s.grain AND t.start_day = s.start_day
WHERE s.customers > 0;

-- customer_periods: those stays with their customers' dimensions; for days and weeks one row is all customers.
CREATE OR REPLACE VIEW customer_periods AS
SELECT s.* EXCLUDE (customer), c.* FROM customer_stays s JOIN customers c ON c.customer = s.customer
UNION ALL BY NAME FROM customer_days;

-- leavings: one row is one customer that went, on the first day without, with its tenure in days.
CREATE OR REPLACE TABLE leavings AS
WITH begun AS (SELECT customer, min(since) AS since FROM present_spans WHERE until <= today() GROUP BY customer)
SELECT s.until AS day, s.until - b.since AS tenure, c.*
FROM present_spans s JOIN begun b ON b.customer = s.customer JOIN customers c ON c.customer = s.customer
WHERE s.until <= today();

-- prospects: one row is one prospect in play in a period, and whether it became a customer in it; for days one row is
-- all of them.
CREATE OR REPLACE TABLE prospects AS
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
numbered AS MATERIALIZED (
    SELECT *, least(until, coalesce(customer_since, until)) AS last_in_play,
        dense_rank() OVER (ORDER BY customer) AS place
    FROM merged
),
asked AS MATERIALIZED (SELECT *, row_number() OVER () AS number FROM periods WHERE grain <> 'day'),
pairs AS (
    SELECT DISTINCT p.number, m.place FROM asked p
    JOIN numbered m ON m.since < p.end_day AND m.last_in_play >= p.start_day
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
SELECT a.calendar, a.grain, a.start_day AS period_start, 1 AS prospects,
    CAST(coalesce(b.first_won_day >= a.start_day AND b.first_won_day < a.end_day, false) AS INTEGER) AS won,
    n.customer
FROM pairs p JOIN asked a ON a.number = p.number
JOIN (SELECT DISTINCT place, customer FROM numbered) n ON n.place = p.place
LEFT JOIN begun b ON b.customer = n.customer
UNION ALL BY NAME
SELECT p.calendar, p.grain, p.start_day AS period_start, l.prospects, coalesce(w.won, 0) AS won
FROM periods p ASOF JOIN levels l ON p.start_day >= l.day LEFT JOIN won_on w ON w.day = p.start_day
WHERE p.grain = 'day';

-- prospect_periods: those with their dimensions.
CREATE OR REPLACE VIEW prospect_periods AS
SELECT p.calendar, p.grain, p.period_start, p.prospects, p.won, coalesce(q.country, '__none__') AS country,
    coalesce(q.region, '__none__') AS region, coalesce(q.industry, '__none__') AS industry,
    coalesce(q.size_band, '__none__') AS size_band, coalesce(q.owner, '__none__') AS owner,
    coalesce(q.source, '__none__') AS source, coalesce(q.connection, split_part(p.customer, ':', 2)) AS connection,
    p.customer
FROM prospects p LEFT JOIN parties q ON q.party = p.customer;

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

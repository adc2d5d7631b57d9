-- score_steps: one row is one change of a customer's score: weighted interactions of 30 days, a hundred at most.
CREATE OR REPLACE TABLE score_steps AS
WITH kept AS MATERIALIZED (
    SELECT c.customer, CAST(row_number() OVER () AS INTEGER) AS place, c.first_won_day, n.number
    FROM customers c LEFT JOIN party_numbers n ON n.party = c.customer
),
asked AS (
    SELECT 'company:' || h.home || ':' || h.home_id AS customer, local_day(t.created_at) AS day FROM tickets t
    JOIN referents h ON h.entity = 'companies' AND h.connection = t.connection AND h.id = t.company_id
    WHERE t.created_at IS NOT NULL
),
happened AS (
    SELECT k.place, a.day, CASE WHEN a.activity_type = 'meeting' THEN 'meeting'
        WHEN a.activity_type = 'call' THEN 'call' ELSE 'reply' END AS kind
    FROM rep_activities a
    JOIN activity_parties p ON p.activity = a.activity JOIN kept k ON k.number = p.number
    WHERE a.touch = 1 AND (a.activity_type = 'meeting' OR a.activity_type = 'call' AND a.outcome = 'connected'
        OR a.activity_type IN ('email', 'message') AND a.is_inbound)
    UNION ALL SELECT k.place, r.day, 'survey' FROM responses r JOIN kept k ON k.customer = r.party
    UNION ALL SELECT k.place, a.day, 'ticket' FROM asked a JOIN kept k ON k.customer = a.customer
    UNION ALL SELECT k.place, u.day, 'usage' FROM product_usage u
    JOIN referents h ON h.entity = 'companies' AND h.connection = u.connection AND h.id = u.company_id
    JOIN kept k ON k.customer = 'company:' || h.home || ':' || h.home_id
),
points AS (
    SELECT h.place, h.day, CAST(sum(w.weight) AS BIGINT) AS points FROM happened h
    JOIN engagement_weights w ON w.kind = h.kind GROUP BY h.place, h.day
),
spans AS (
    SELECT place, first_won_day AS since, DATE '9999-01-01' AS until FROM kept WHERE first_won_day IS NOT NULL
    UNION ALL SELECT k.place, s.since, s.until FROM subscribed s JOIN kept k ON k.customer = s.customer
),
turns AS (
    SELECT place, day, points, 0 AS spans FROM points
    UNION ALL SELECT place, CAST(day + 30 AS DATE), -points, 0 FROM points
    UNION ALL SELECT place, since, 0, 1 FROM spans
    UNION ALL SELECT place, until, 0, -1 FROM spans WHERE until < DATE '9999-01-01'
),
levels AS (
    SELECT place, day, sum(sum(points)) OVER one AS points, sum(sum(spans)) OVER one > 0 AS is_customer
    FROM turns GROUP BY place, day WINDOW one AS (PARTITION BY place ORDER BY day)
),
scored AS (
    SELECT place, day, CAST(is_customer AS INTEGER) AS customers,
        CAST(CASE WHEN is_customer THEN least(100, points) ELSE 0 END AS INTEGER) AS score FROM levels
),
stepped AS (
    SELECT place, day, score - coalesce(lag(score) OVER one, 0) AS score,
        customers - coalesce(lag(customers) OVER one, 0) AS customers
    FROM scored WINDOW one AS (PARTITION BY place ORDER BY day)
)
SELECT s.day, s.score, s.customers, k.customer FROM stepped s JOIN kept k ON k.place = s.place
WHERE s.score <> 0 OR s.customers <> 0;

-- engagement: those changes with their customers' dimensions.
CREATE OR REPLACE VIEW engagement AS
SELECT s.day, s.score, s.customers, c.* FROM score_steps s JOIN customers c ON c.customer = s.customer;

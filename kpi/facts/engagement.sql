-- engagement: one row is one change of a customer's score: weighted interactions of 30 days, a hundred at most.
CREATE OR REPLACE TABLE engagement AS
WITH asked AS (
    SELECT 'company:' || h.home || ':' || h.home_id AS customer, local_day(t.created_at) AS day FROM tickets t
    JOIN referents h ON h.entity = 'companies' AND h.connection = t.connection AND h.id = t.company_id
    WHERE t.created_at IS NOT NULL
),
happened AS (
    SELECT p.party AS customer, a.day, CASE WHEN a.activity_type = 'meeting' THEN 'meeting'
        WHEN a.activity_type = 'call' THEN 'call' ELSE 'reply' END AS kind
    FROM rep_activities a
    JOIN activity_parties p ON p.connection = a.connection AND p.activity_id = a.id
    WHERE a.touch = 1 AND (a.activity_type = 'meeting' OR a.activity_type = 'call' AND a.outcome = 'connected'
        OR a.activity_type IN ('email', 'message') AND a.is_inbound)
    UNION ALL SELECT party, day, 'survey' FROM responses
    UNION ALL SELECT customer, day, 'ticket' FROM asked
    UNION ALL SELECT 'company:' || h.home || ':' || h.home_id, u.day, 'usage' FROM product_usage u
    JOIN referents h ON h.entity = 'companies' AND h.connection = u.connection AND h.id = u.company_id
),
points AS (
    SELECT h.customer, h.day, sum(w.weight) AS points FROM happened h
    JOIN engagement_weights w ON w.kind = h.kind JOIN customers c ON c.customer = h.customer GROUP BY h.customer, h.day
),
spans AS (
    SELECT customer, first_won_day AS since, DATE '9999-01-01' AS until FROM customers WHERE first_won_day IS NOT NULL
    UNION ALL SELECT customer, since, until FROM subscribed
),
turns AS (
    SELECT customer, day, points, 0 AS spans FROM points
    UNION ALL SELECT customer, CAST(day + 30 AS DATE), -points, 0 FROM points
    UNION ALL SELECT customer, since, 0, 1 FROM spans
    UNION ALL SELECT customer, until, 0, -1 FROM spans WHERE until < DATE '9999-01-01'
),
levels AS (
    SELECT customer, day, sum(sum(points)) OVER one AS points, sum(sum(spans)) OVER one > 0 AS is_customer
    FROM turns GROUP BY customer, day WINDOW one AS (PARTITION BY customer ORDER BY day)
),
scored AS (
    SELECT customer, day, CAST(is_customer AS INTEGER) AS customers,
        CASE WHEN is_customer THEN least(100, points) ELSE 0 END AS score FROM levels
)
SELECT s.day, s.score - coalesce(lag(s.score) OVER one, 0) AS score,
    s.customers - coalesce(lag(s.customers) OVER one, 0) AS customers, c.*
FROM scored s JOIN customers c ON c.customer = s.customer WINDOW one AS (PARTITION BY s.customer ORDER BY s.day);

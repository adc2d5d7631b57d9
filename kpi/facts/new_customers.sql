-- new_customers: one row is one customer in one period: the first win fell in it, and no subscription began before it.
CREATE OR REPLACE TABLE new_customers AS
SELECT p.calendar, p.grain, p.start_day AS period_start, c.connection, c.id, w.customer, c.source, c.source_category,
    c.campaign, c.channel, c.owner, c.team, c.country, c.region, c.industry, c.size_band,
    CAST(c.source_category = 'marketing' AS INTEGER) AS from_marketing
FROM customer_wins w JOIN closed_deals c ON c.deal = w.deal
JOIN periods p ON c.day >= p.start_day AND c.day < p.end_day
LEFT JOIN (SELECT customer, min(since) AS since FROM subscribed GROUP BY customer) s ON s.customer = w.customer
WHERE w.nth = 1 AND coalesce(s.since >= p.start_day, true);

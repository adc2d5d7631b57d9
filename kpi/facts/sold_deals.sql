-- sold_deals: one row is one won deal of new business or expansion; an expansion that sells a product which the customer
-- hadn't bought is cross-sold, one of known products only is upsold.
CREATE OR REPLACE TABLE sold_deals AS
WITH lines AS (
    SELECT DISTINCT w.customer, w.deal, w.nth, l.connection || ':' || l.product_id AS product
    FROM customer_wins w JOIN line_items l ON l.connection = w.connection AND l.deal_id = w.id
    WHERE l.product_id IS NOT NULL
),
firsts AS (SELECT customer, product, min(nth) AS nth FROM lines GROUP BY customer, product),
news AS (
    SELECT l.deal, bool_or(f.nth = l.nth) AS has_new FROM lines l
    JOIN firsts f ON f.customer = l.customer AND f.product = l.product GROUP BY l.deal
)
SELECT c.*, CAST(c.deal_type = 'expansion' AS INTEGER) AS expansion,
    CAST(c.deal_type = 'new_business' AS INTEGER) AS new_business,
    CAST(c.deal_type = 'expansion' AND n.has_new AS INTEGER) AS cross_sell,
    CAST(c.deal_type = 'expansion' AND NOT n.has_new AS INTEGER) AS upsell
FROM closed_deals c LEFT JOIN news n ON n.deal = c.deal
WHERE c.won = 1 AND c.deal_type IN ('expansion', 'new_business');

-- gross_deals: one row is one won deal at list prices, before discounts and without returned lines; without lines, its
-- amount. `unlisted` where a line tells no price before its discount.
CREATE OR REPLACE TABLE gross_deals AS
WITH lines AS (
    SELECT o.deal, coalesce(l.quantity, 1) * coalesce(l.list_price, l.unit_price) AS listed, l.net_amount,
        coalesce(l.quantity, 0) < 0 OR coalesce(l.net_amount, 0) < 0 AS is_return
    FROM line_items l JOIN deal o ON o.connection = l.connection AND o.id = l.deal_id
),
added AS (
    SELECT c.deal, sum(coalesce(converted(l.listed, c.rate), converted(l.net_amount, c.rate), 0))
            FILTER (NOT l.is_return) AS gross,
        bool_or(l.listed IS NULL AND NOT l.is_return) AS unlisted
    FROM lines l JOIN closed_deals c ON c.deal = l.deal WHERE c.won = 1 GROUP BY c.deal
)
SELECT c.*, CASE WHEN a.deal IS NULL THEN c.revenue ELSE coalesce(a.gross, 0) END AS gross,
    coalesce(a.unlisted, false) AS unlisted
FROM closed_deals c LEFT JOIN added a ON a.deal = c.deal WHERE c.won = 1;

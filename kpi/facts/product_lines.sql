-- product_lines: one row is one line of a booked deal, or what its lines leave of its amount, on its close day. One
-- row of each deal is its first.
CREATE OR REPLACE TABLE product_lines AS
WITH lines AS (
    SELECT d.deal, d.day, member_id(l.connection, l.product_id) AS product,
        coalesce(converted(l.net_amount, d.rate), 0) AS value,
        CAST(row_number() OVER (PARTITION BY d.deal) = 1 AS INTEGER) AS is_first
    FROM line_items l JOIN deal o ON o.connection = l.connection AND o.id = l.deal_id
    JOIN closed_deals d ON d.deal = o.deal
    WHERE d.booked = 1
),
explained AS (SELECT deal, sum(value) AS value FROM lines GROUP BY deal),
rest AS (
    SELECT d.deal, d.day, '__unallocated__' AS product, d.revenue - coalesce(e.value, 0) AS value,
        CAST(e.deal IS NULL AS INTEGER) AS is_first
    FROM closed_deals d LEFT JOIN explained e ON e.deal = d.deal
    WHERE d.booked = 1 AND (e.deal IS NULL OR d.revenue <> e.value)
)
SELECT * FROM lines UNION ALL SELECT * FROM rest;

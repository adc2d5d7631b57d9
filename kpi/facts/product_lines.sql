-- product_lines: one row is one line of a booked deal, or what its lines leave of its amount, on its close day, with its
-- cost where that is known. One row of each deal is its first.
CREATE OR REPLACE TABLE cost_steps AS
SELECT home(connection, 'products', product_id) AS product, valid_from AS day,
    first(cost ORDER BY id DESC) AS cost, first(currency ORDER BY id DESC) AS currency
FROM unit_costs WHERE product_id IS NOT NULL AND valid_from IS NOT NULL AND cost IS NOT NULL
GROUP BY ALL;

CREATE OR REPLACE TABLE product_lines AS
WITH lines AS (
    SELECT d.deal, d.connection, d.day, d.rate, member_id(l.connection, l.product_id) AS product, l.id AS line,
        o.deal_currency, coalesce(l.quantity, 1) AS quantity, converted(l.net_amount, d.rate) AS net, l.unit_cost AS line_cost,
        p.unit_cost AS product_cost, p.currency AS product_currency,
        row_number() OVER (PARTITION BY d.deal ORDER BY l.id) = 1 AS is_first
    FROM line_items l JOIN deal o ON o.connection = l.connection AND o.id = l.deal_id
    JOIN closed_deals d ON d.deal = o.deal
    LEFT JOIN products p ON p.connection = l.connection AND p.id = l.product_id
    WHERE d.booked = 1
),
costed AS (
    SELECT l.*, coalesce(l.line_cost, l.product_cost, s.cost) AS unit_cost,
        CASE WHEN l.line_cost IS NOT NULL THEN l.deal_currency
            ELSE coalesce(CASE WHEN l.product_cost IS NOT NULL THEN l.product_currency ELSE s.currency END,
                l.deal_currency) END AS cost_currency
    FROM lines l ASOF LEFT JOIN cost_steps s ON s.product = l.product AND l.day >= s.day
),
priced AS (
    SELECT c.*, CAST(c.quantity * c.unit_cost * CASE WHEN c.cost_currency IS NOT DISTINCT FROM c.deal_currency
        THEN c.rate ELSE rate_of(c.cost_currency, o.rate, a.rate) END AS DECIMAL(38, 6)) AS cost
    FROM costed c
    LEFT JOIN rates o ON o.connection = c.connection AND o.currency = c.cost_currency AND o.day = c.day
    LEFT JOIN any_rates a ON a.currency = c.cost_currency AND a.day = c.day
),
explained AS (SELECT deal, sum(coalesce(net, 0)) AS value FROM lines GROUP BY deal)
SELECT d.* REPLACE (p.product AS product), p.line, p.is_first, p.cost, coalesce(p.net, 0) AS value,
    p.net IS NOT NULL AND p.cost IS NOT NULL AS has_cost
FROM priced p JOIN closed_deals d ON d.deal = p.deal
UNION ALL BY NAME
SELECT d.* REPLACE ('__unallocated__' AS product), e.deal IS NULL AS is_first,
    d.revenue - coalesce(e.value, 0) AS value, false AS has_cost
FROM closed_deals d LEFT JOIN explained e ON e.deal = d.deal
WHERE d.booked = 1 AND (e.deal IS NULL OR d.revenue <> e.value);

-- deal_margins: one row is one won deal with the margin of its lines, where they brought something and at least 0.8 of
-- it has a known cost.
CREATE OR REPLACE TABLE deal_margins AS
WITH added AS (
    SELECT deal, sum(value) AS value, sum(value) FILTER (has_cost) AS costed, sum(cost) FILTER (has_cost) AS cost
    FROM product_lines GROUP BY deal
)
SELECT d.*, CASE WHEN a.costed > 0 AND a.costed >= 0.8 * a.value
    THEN CAST(round(CAST(a.costed - a.cost AS DOUBLE) / CAST(a.costed AS DOUBLE), 10) AS DECIMAL(38, 10)) END AS margin
FROM closed_deals d JOIN added a ON a.deal = d.deal WHERE d.won = 1;

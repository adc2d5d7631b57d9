-- split_deals: one row is one closed deal's credit to one person. To the owner wholly, unless the setting credit_mode
-- asks for the deal's splits: then each has a share, and what rounding leaves is the last one's.
CREATE OR REPLACE TABLE split_shares AS
WITH named AS (
    SELECT c.deal, c.connection, s.id, s.user_id, d.closed_at, c.day, coalesce(s.percent, s.amount) AS part,
        s.percent IS NULL AS by_amount
    FROM deal_splits s JOIN deal d ON d.connection = s.connection AND d.id = s.deal_id
    JOIN closed_deals c ON c.deal = d.deal
    WHERE credit_mode() = 'splits' AND lower(coalesce(s.kind, 'revenue')) <> 'overlay' AND s.user_id IS NOT NULL
        AND coalesce(s.percent, s.amount) > 0
),
whole AS (
    SELECT *, sum(part) OVER (PARTITION BY deal) AS parts,
        row_number() OVER (PARTITION BY deal ORDER BY part DESC, id) AS place, count(*) OVER (PARTITION BY deal) AS people
    FROM named
)
SELECT w.*, coalesce(closed_at, day_end(day)) AS at, NOT by_amount AND parts <> 100 AS is_scaled FROM whole w;

CREATE OR REPLACE TABLE split_deals AS
WITH shared AS (
    SELECT c.* REPLACE (member_id(s.connection, s.user_id) AS owner, member_id(s.connection, t.team_id) AS team,
            CAST(r.user_id IS NOT NULL AS INTEGER) AS by_rep, coalesce(r.role, '__none__') AS role,
            tenure_band(CASE WHEN r.user_id IS NOT NULL THEN c.day - r.from_day END) AS tenure_band,
            CAST(CAST(c.revenue AS DOUBLE) * CAST(s.part AS DOUBLE) / CAST(s.parts AS DOUBLE) AS DECIMAL(38, 6)) AS revenue),
        CAST(CAST(s.part AS DOUBLE) / CAST(s.parts AS DOUBLE) AS DECIMAL(38, 10)) AS share, s.place, s.people, s.is_scaled, c.revenue AS whole_revenue
    FROM closed_deals c JOIN split_shares s ON s.deal = c.deal
    LEFT JOIN reps r ON r.connection = s.connection AND r.user_id = s.user_id
    LEFT JOIN team_history t ON t.connection = s.connection AND t.user_id = s.user_id
        AND s.at >= t.from_at AND s.at < t.to_at
)
SELECT * EXCLUDE (place, people, whole_revenue) REPLACE (
    CASE WHEN place < people THEN share ELSE 1 - coalesce(sum(share) OVER others, 0) END AS share,
    CASE WHEN place < people THEN revenue
        ELSE whole_revenue - coalesce(sum(revenue) OVER others, 0) END AS revenue,
    CASE WHEN credit = 0 THEN 0 WHEN place < people THEN revenue
        ELSE whole_revenue - coalesce(sum(revenue) OVER others, 0) END AS credit)
FROM shared WINDOW others AS (PARTITION BY deal ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING);

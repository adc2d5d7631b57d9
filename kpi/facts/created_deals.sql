-- created_deals: one row is one new opportunity on the day of its creation, with what became of it by now.
CREATE OR REPLACE TABLE created_deals AS
WITH placed AS (
    SELECT *, created_day AS day, day_end(created_day) AS at FROM deal
    WHERE created_day IS NOT NULL AND NOT (won AND NOT is_regular)
),
recorded AS (
    SELECT connection, deal_id, min(entered_at) AS first_at FROM deal_stage_changes GROUP BY connection, deal_id
),
owned AS (
    SELECT p.* EXCLUDE (owner_id), CASE WHEN h.deal IS NULL THEN p.owner_id ELSE h.owner_id END AS owner_id
    FROM placed p LEFT JOIN owner_history h ON h.deal = p.deal AND p.at >= h.from_at AND p.at < h.to_at
),
teamed AS (
    SELECT o.*, t.team_id FROM owned o
    LEFT JOIN team_history t ON t.connection = o.connection AND t.user_id = o.owner_id
        AND o.at >= t.from_at AND o.at < t.to_at
)
SELECT t.deal, t.day, member_id(t.connection, t.owner_id) AS owner, member_id(t.connection, t.team_id) AS team,
    pipeline, stage, country, region, industry, size_band, source, source_category, campaign, channel, product,
    deal_type, t.currency, amount_band(converted(t.amount, coalesce(t.fixed_rate, r.rate))) AS deal_size_band,
    probability_band(probability) AS probability_band, company,
    CAST(won AS INTEGER) AS won, CAST(NOT closed AS INTEGER) AS still_open,
    CAST(coalesce(f.first_at > t.created_at + INTERVAL 7 DAY, false) AS INTEGER) AS backdated
FROM teamed t
LEFT JOIN recorded f ON f.connection = t.connection AND f.deal_id = t.id
LEFT JOIN rates r ON r.connection = t.connection AND r.currency = t.currency AND r.day = t.day;

-- closed_deals: one row is one won, lost or credit deal on its close day, with its owner at closing.
CREATE OR REPLACE TABLE closed_deals AS
WITH placed AS (
    SELECT *, close_day AS day, coalesce(closed_at, day_end(coalesce(close_date, close_day))) AS at,
        won AND is_regular AS is_won, won AND NOT is_regular AS is_credit,
        NOT won AND is_regular AND lower(lost_reason) NOT IN (SELECT reason FROM lost_reason_exclusions) AS is_lost
    FROM deal WHERE closed AND close_day IS NOT NULL
),
owned AS (
    SELECT p.* EXCLUDE (owner_id), CASE WHEN h.deal IS NULL THEN p.owner_id ELSE h.owner_id END AS owner_id
    FROM placed p LEFT JOIN owner_history h ON h.deal = p.deal AND p.at >= h.from_at AND p.at < h.to_at
    WHERE p.is_won OR p.is_lost OR p.is_credit
),
teamed AS (
    SELECT o.*, t.team_id FROM owned o
    LEFT JOIN team_history t ON t.connection = o.connection AND t.user_id = o.owner_id
        AND o.at >= t.from_at AND o.at < t.to_at
),
valued AS (
    SELECT t.*, coalesce(t.fixed_rate, r.rate) AS rate, converted(t.amount, coalesce(t.fixed_rate, r.rate)) AS value
    FROM teamed t
    LEFT JOIN rates r ON r.connection = t.connection AND r.currency = t.currency AND r.day = t.day
)
SELECT v.deal, v.connection, v.id, day, rate, amount,
    member_id(v.connection, v.owner_id) AS owner, member_id(v.connection, v.team_id) AS team, pipeline, stage, country,
    region, industry, size_band, source, source_category, campaign, channel, product, deal_type, currency,
    amount_band(value) AS deal_size_band, lost_reason, company,
    CAST(is_won AS INTEGER) AS won, CAST(is_lost AS INTEGER) AS lost, CAST(is_won OR is_credit AS INTEGER) AS booked,
    CASE WHEN NOT is_lost THEN coalesce(value, 0) ELSE 0 END AS revenue,
    CASE WHEN is_credit THEN coalesce(value, 0) ELSE 0 END AS credit,
    CASE WHEN is_won THEN value END AS won_value, CASE WHEN is_lost THEN value END AS lost_value,
    CASE WHEN is_lost AND day >= created_day THEN day - created_day END AS lost_cycle,
    CAST(is_lost AND day < created_day AS INTEGER) AS bad_lost_cycle,
    CAST(is_won AND amount IS NOT NULL AS INTEGER) AS with_amount,
    CAST(NOT is_lost AND amount IS NOT NULL AND rate IS NULL AS INTEGER) AS fx_missing,
    CASE WHEN is_won AND day >= created_day THEN day - created_day END AS cycle,
    CAST(is_won AND day < created_day AS INTEGER) AS bad_cycle,
    CASE WHEN is_won THEN k.customer END AS customer, CAST(is_won AND v.company_id IS NULL AS INTEGER) AS homeless,
    CAST(u.user_id IS NOT NULL AS INTEGER) AS by_rep, coalesce(u.role, '__none__') AS role,
    tenure_band(CASE WHEN u.user_id IS NOT NULL THEN day - u.from_day END) AS tenure_band
FROM valued v JOIN deal_customer k ON k.deal = v.deal
LEFT JOIN reps u ON u.connection = v.connection AND u.user_id = v.owner_id;

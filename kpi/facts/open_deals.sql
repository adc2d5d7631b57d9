-- open_states: a deal's unbroken state over local days [from_day, to_day): open or not, its stage, amount and rate.
CREATE OR REPLACE TABLE turns AS
WITH seen AS (
    SELECT deal, min(entered_day) AS first_day,
        max(entered_day) FILTER (is_closed AND exited_at IS NULL AND next_at = never()) AS closed_day
    FROM visits GROUP BY deal
),
lives AS (
    SELECT d.deal, d.connection, d.deal_currency, d.fixed_rate, d.created_day, s.deal IS NULL AS is_unseen,
        CASE WHEN d.closed THEN d.close_day END AS close_day, least(s.first_day, d.created_day) AS first_day,
        coalesce(CASE WHEN s.deal IS NOT NULL THEN s.closed_day WHEN d.closed THEN d.close_day END, today()) AS last_day
    FROM deal d LEFT JOIN seen s ON s.deal = d.deal
),
edges AS (
    SELECT deal, entered_day AS day FROM visits
    UNION ALL SELECT deal, exited_day FROM visits WHERE is_closed AND exited_at < next_at
    UNION ALL SELECT deal, created_day FROM lives WHERE is_unseen
    UNION ALL SELECT deal, close_day FROM lives WHERE is_unseen
    UNION ALL SELECT deal, local_day(changed_at) FROM amount_history WHERE from_at > ever()
    UNION ALL SELECT l.deal, r.from_day FROM lives l JOIN rate_steps r ON r.connection = l.connection
        AND r.currency = l.deal_currency AND r.from_day > l.first_day AND r.from_day < l.last_day
        WHERE l.fixed_rate IS NULL
),
distinct_edges AS (SELECT DISTINCT deal, day FROM edges WHERE day < today())
SELECT deal, day AS from_day, day_end(day) AS at,
    coalesce(lead(day) OVER (PARTITION BY deal ORDER BY day), DATE '9999-01-01') AS to_day
FROM distinct_edges;

CREATE OR REPLACE TABLE open_states AS
WITH starts AS (SELECT deal, min(entered_day) AS first_day FROM visits GROUP BY deal),
staged AS (
    SELECT t.deal, t.from_day, t.to_day, t.at, d.connection, d.deal_currency, d.fixed_rate, d.amount AS amount_now,
        CASE WHEN s.deal IS NULL THEN d.pipeline ELSE member_id(d.connection, v.pipeline_id) END AS pipeline,
        CASE WHEN s.deal IS NULL THEN d.stage ELSE stage_id(d.connection, v.pipeline_id, v.stage_key) END AS stage
    FROM turns t JOIN deal d ON d.deal = t.deal LEFT JOIN starts s ON s.deal = t.deal
    LEFT JOIN visits v ON v.deal = t.deal AND t.at >= v.entered_at AND t.at < v.next_at
    WHERE CASE WHEN s.deal IS NULL
            THEN t.from_day >= d.created_day AND NOT (d.closed AND t.from_day >= coalesce(d.close_day, d.created_day))
        ELSE t.from_day >= s.first_day AND NOT (v.is_closed AND coalesce(v.exited_day, DATE '9999-01-01') > t.from_day)
        END
),
priced AS (
    SELECT s.*, CASE WHEN h.deal IS NULL THEN s.amount_now ELSE h.amount END AS amount
    FROM staged s LEFT JOIN amount_history h ON h.deal = s.deal AND s.at >= h.from_at AND s.at < h.to_at
)
SELECT p.deal, p.from_day, p.to_day, p.pipeline, p.stage, p.amount,
    coalesce(p.fixed_rate, r.rate) AS rate, converted(p.amount, coalesce(p.fixed_rate, r.rate)) AS value
FROM priced p
LEFT JOIN rates r ON r.connection = p.connection AND r.currency = p.deal_currency AND r.day = p.from_day
WHERE coalesce(p.amount, 0) >= 0;

DROP TABLE turns;

-- open_moments: one row is one deal that is open at the end of a month (and now), with its state at that moment.
CREATE OR REPLACE TABLE open_moments AS
WITH spanned AS (
    SELECT s.*, coalesce(a.place, 0) AS first, coalesce(b.place, (SELECT count(*) FROM moments)) AS beyond
    FROM open_states s LEFT JOIN day_places a ON a.day = s.from_day LEFT JOIN day_places b ON b.day = s.to_day
),
reached AS (SELECT *, unnest(range(first, beyond)) AS place FROM spanned WHERE first < beyond),
then_open AS (
    SELECT s.deal, m.day, false AS is_now, s.pipeline, s.stage, s.amount, s.rate, s.value, m.at
    FROM reached s JOIN (SELECT day, place, day_end(day) AS at FROM moments) m ON m.place = s.place
),
now_open AS (
    SELECT d.deal, today() AS day, true AS is_now, d.pipeline, d.stage, d.amount,
        coalesce(d.fixed_rate, r.rate) AS rate, converted(d.amount, coalesce(d.fixed_rate, r.rate)) AS value,
        present() AS at
    FROM (SELECT *, today() AS asked FROM deal WHERE NOT closed AND is_regular) d
    LEFT JOIN rates r ON r.connection = d.connection AND r.currency = d.currency AND r.day = d.asked
),
every_open AS (SELECT * FROM then_open UNION ALL SELECT * FROM now_open),
owned AS (
    SELECT e.*, CASE WHEN h.deal IS NULL OR e.is_now THEN d.owner_id ELSE h.owner_id END AS owner_id, d.connection
    FROM every_open e JOIN deal d ON d.deal = e.deal
    LEFT JOIN owner_history h ON h.deal = e.deal AND e.at >= h.from_at AND e.at < h.to_at
),
teamed AS (
    SELECT o.*, t.team_id FROM owned o
    LEFT JOIN team_history t ON t.connection = o.connection AND t.user_id = o.owner_id
        AND o.at >= t.from_at AND o.at < t.to_at
),
forecast AS (
    SELECT t.*, h.deal IS NOT NULL AND NOT t.is_now AS known_forecast, h.forecast_category
    FROM teamed t LEFT JOIN forecast_history h ON h.deal = t.deal AND t.at >= h.from_at AND t.at < h.to_at
),
dated AS (
    SELECT f.*, h.deal IS NOT NULL AND NOT f.is_now AS known_close, h.close_date
    FROM forecast f LEFT JOIN close_date_history h ON h.deal = f.deal AND f.at >= h.from_at AND f.at < h.to_at
)
SELECT m.deal, m.day, m.is_now, member_id(m.connection, m.owner_id) AS owner,
    member_id(m.connection, m.team_id) AS team, m.pipeline, m.stage, amount_band(m.value) AS deal_size_band,
    member(CASE WHEN m.known_forecast THEN m.forecast_category ELSE d.forecast_category END) AS forecast_category,
    close_date_bucket(CASE WHEN m.known_close THEN m.close_date ELSE d.close_date END, m.day) AS close_date_bucket,
    age_band(m.day - d.created_day) AS age_band,
    coalesce(m.value, 0) AS value, CAST(m.amount IS NOT NULL AS INTEGER) AS with_amount,
    CAST(m.amount IS NOT NULL AND m.rate IS NULL AS INTEGER) AS fx_missing
FROM dated m JOIN deal d ON d.deal = m.deal;

-- open_deals: those with what doesn't depend on the moment.
CREATE OR REPLACE VIEW open_deals AS
SELECT m.*, d.connection, d.country, d.region, d.industry, d.size_band, d.source, d.source_category, d.campaign,
    d.channel, d.product, d.deal_type, d.currency, d.company
FROM open_moments m JOIN deal d ON d.deal = m.deal;

-- open_days: the totals of every day, from how the states begin and end.
CREATE OR REPLACE TABLE open_days AS
WITH steps AS (
    SELECT from_day AS day, 1 AS sign, * EXCLUDE (from_day, to_day) FROM open_states
    UNION ALL SELECT to_day, -1, * EXCLUDE (from_day, to_day) FROM open_states WHERE to_day < DATE '9999-01-01'
),
changes AS (
    SELECT day, sum(sign) AS deals, sum(sign * coalesce(value, 0)) AS value,
        sum(sign * CAST(amount IS NOT NULL AS INTEGER)) AS with_amount,
        sum(sign * CAST(amount IS NOT NULL AND rate IS NULL AS INTEGER)) AS fx_missing
    FROM steps GROUP BY day
)
SELECT day, sum(deals) OVER up_to AS deals, sum(value) OVER up_to AS value, sum(with_amount) OVER up_to AS with_amount,
    sum(fx_missing) OVER up_to AS fx_missing
FROM changes WINDOW up_to AS (ORDER BY day);

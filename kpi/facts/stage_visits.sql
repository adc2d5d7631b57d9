-- stage_visits: one row is one visit of a deal to a stage, placed on the day of its exit; and the visits of all time.
CREATE OR REPLACE TABLE visits AS
SELECT d.deal, d.connection, c.entered_at, c.exited_at, local_day(c.entered_at) AS entered_day,
    local_day(c.exited_at) AS exited_day, coalesce(c.pipeline_id, d.pipeline_id) AS pipeline_id,
    c.stage_id AS stage_key,
    coalesce(lead(c.entered_at) OVER (PARTITION BY d.deal ORDER BY c.entered_at), never()) AS next_at,
    s.sort_order, coalesce(s.is_closed, false) AS is_closed, coalesce(s.is_closed AND s.is_won, false) AS is_won,
    d.owner_id, d.is_regular, d.won, d.closed, d.industry, d.size_band, d.id
FROM deal_stage_changes c
JOIN deal d ON d.connection = c.connection AND d.id = c.deal_id
LEFT JOIN stages s ON s.connection = c.connection AND s.pipeline_id = coalesce(c.pipeline_id, d.pipeline_id)
    AND s.id = c.stage_id;

CREATE OR REPLACE TABLE stage_visits AS
WITH ended AS (
    SELECT *, day_end(exited_day) AS at, epoch_us(exited_at) - epoch_us(entered_at) AS microseconds FROM visits
    WHERE exited_at IS NOT NULL AND NOT is_closed AND (is_regular OR NOT won)
),
owned AS (
    SELECT v.* EXCLUDE (owner_id), CASE WHEN h.deal IS NULL THEN v.owner_id ELSE h.owner_id END AS owner_id
    FROM ended v LEFT JOIN owner_history h ON h.deal = v.deal AND v.at >= h.from_at AND v.at < h.to_at
)
SELECT deal, connection, id, exited_day AS day, industry, size_band,
    CASE WHEN won THEN 'won' WHEN closed THEN 'lost' ELSE 'open' END AS deal_outcome, member_id(connection, owner_id) AS owner,
    member_id(connection, pipeline_id) AS pipeline, stage_id(connection, pipeline_id, stage_key) AS stage,
    CASE WHEN microseconds >= 0 THEN microseconds END AS microseconds, CAST(microseconds < 0 AS INTEGER) AS bad_visit
FROM owned;

-- stage_stays: one row is one deal's whole time in one stage, on the day of its last exit and with its owner then.
CREATE OR REPLACE TABLE stage_stays AS
SELECT deal, any_value(connection) AS connection, any_value(id) AS id, stage, any_value(pipeline) AS pipeline,
    max(day) AS day, arg_max(owner, day) AS owner, sum(microseconds) AS microseconds
FROM stage_visits WHERE microseconds IS NOT NULL GROUP BY deal, stage;

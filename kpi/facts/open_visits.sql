-- open_visits: one row is one visit to an open stage that still runs at the end of a month (or of today), with its age.
CREATE OR REPLACE TABLE open_visits AS
WITH looked AS (
    SELECT o.deal, o.day, o.is_now, o.owner, d.at FROM open_moments o
    JOIN (SELECT day, day_end(day) AS at FROM (SELECT DISTINCT day FROM open_moments)) d ON d.day = o.day
)
SELECT l.deal, v.connection, v.id, l.day, l.is_now, l.owner, member_id(v.connection, v.pipeline_id) AS pipeline,
    stage_id(v.connection, v.pipeline_id, v.stage_key) AS stage, v.industry, v.size_band,
    epoch_us(l.at) - epoch_us(v.entered_at) AS microseconds
FROM looked l JOIN visits v ON v.deal = l.deal AND l.at >= v.entered_at AND l.at < v.next_at
WHERE NOT v.is_closed AND coalesce(v.exited_at > l.at, true);

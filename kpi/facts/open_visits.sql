-- open_visits: one row is one visit to an open stage that still runs at the end of a month (or of today), with its age.
CREATE OR REPLACE TABLE open_visits AS
WITH looked AS (
    SELECT *, day_end(day) AS at FROM open_deals
)
SELECT l.deal, v.connection, v.id, l.day, l.is_now, l.owner, member_id(v.connection, v.pipeline_id) AS pipeline,
    stage_id(v.connection, v.pipeline_id, v.stage_key) AS stage, l.industry, l.size_band,
    epoch_us(l.at) - epoch_us(v.entered_at) AS microseconds
FROM looked l ASOF JOIN visits v ON v.deal = l.deal AND l.at >= v.entered_at
WHERE NOT v.is_closed AND coalesce(v.exited_at > l.at, true);

-- done_activities: one row is one activity that counts for its owner, or an automated one, with what its deal tells. Of
-- several deals the one with the lowest id.
CREATE OR REPLACE VIEW done_activities AS
SELECT a.* REPLACE (CASE WHEN a.demo = 1 THEN 'demo' ELSE a.activity_type END AS activity_type),
    coalesce(d.pipeline, '__none__') AS pipeline, coalesce(d.stage, '__none__') AS stage,
    coalesce(d.region, '__none__') AS region
FROM rep_activities a LEFT JOIN activity_deals d ON d.activity = a.activity
WHERE a.counted + a.automated > 0;

-- settled_deals: one row is one deal with its owner and team at its closing; now, where it is open or closed nobody
-- knows when.
CREATE OR REPLACE TABLE settled_deals AS
WITH placed AS (
    SELECT *, CASE WHEN closed AND close_day IS NOT NULL
        THEN coalesce(closed_at, day_end(coalesce(close_date, close_day))) END AS at FROM deal
),
owned AS (
    SELECT p.* EXCLUDE (owner_id), CASE WHEN h.deal IS NULL THEN p.owner_id ELSE h.owner_id END AS owner_id
    FROM placed p LEFT JOIN owner_history h ON h.deal = p.deal AND p.at >= h.from_at AND p.at < h.to_at
)
SELECT o.deal, o.created_day, o.closed, o.close_day, o.is_regular, member_id(o.connection, o.owner_id) AS owner,
    member_id(o.connection, t.team_id) AS team, o.pipeline, o.region, o.connection, o.id
FROM owned o
LEFT JOIN team_history t ON t.connection = o.connection AND t.user_id = o.owner_id
        AND coalesce(o.at, present()) >= t.from_at AND coalesce(o.at, present()) < t.to_at;

-- open_spans: one row is one deal, open from its creation to its close day (both in); `until` is null while it is open.
CREATE OR REPLACE TABLE open_spans AS
SELECT deal, created_day AS since, CASE WHEN closed THEN close_day END AS until, owner, team, pipeline, region, connection
FROM settled_deals
WHERE is_regular AND created_day IS NOT NULL AND (NOT closed OR close_day IS NOT NULL);

-- open_spans: one row is one deal, open from its creation to its close day (both in); `until` is null while it is open.
CREATE OR REPLACE TABLE open_spans AS
WITH placed AS (
    SELECT *, coalesce(closed_at, day_end(coalesce(close_date, close_day))) AS at FROM deal
    WHERE is_regular AND created_day IS NOT NULL AND (NOT closed OR close_day IS NOT NULL)
),
owned AS (
    SELECT p.* EXCLUDE (owner_id),
        CASE WHEN h.deal IS NULL OR NOT p.closed THEN p.owner_id ELSE h.owner_id END AS owner_id,
        CASE WHEN p.closed THEN p.at ELSE present() END AS settled_at
    FROM placed p LEFT JOIN owner_history h ON h.deal = p.deal AND p.at >= h.from_at AND p.at < h.to_at
)
SELECT o.deal, o.connection, o.created_day AS since, CASE WHEN o.closed THEN o.close_day END AS until,
    member_id(o.connection, o.owner_id) AS owner, member_id(o.connection, t.team_id) AS team, o.pipeline
FROM owned o
LEFT JOIN team_history t ON t.connection = o.connection AND t.user_id = o.owner_id
        AND o.settled_at >= t.from_at AND o.settled_at < t.to_at;

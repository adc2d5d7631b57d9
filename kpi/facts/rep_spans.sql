-- rep_spans: one row is one rep in one team, over the local days (both in) on which the rep was active there.
CREATE OR REPLACE TABLE rep_spans AS
WITH steps AS (
    SELECT connection, user_id, team_id, local_day(from_at) AS since,
        local_day(lead(from_at) OVER one - INTERVAL 1 MICROSECOND) AS until
    FROM team_history WINDOW one AS (PARTITION BY connection, user_id ORDER BY from_at)
    UNION ALL
    SELECT connection, user_id, NULL, DATE '0001-01-01', local_day(min(from_at) - INTERVAL 1 MICROSECOND)
    FROM team_history GROUP BY connection, user_id HAVING min(from_at) > TIMESTAMP '0001-01-02 00:00:00'
)
SELECT r.connection || ':' || r.user_id AS rep, member_id(r.connection, s.team_id) AS team,
    greatest(r.from_day, s.since) AS since, least(r.to_day, s.until) AS until
FROM reps r LEFT JOIN steps s ON s.connection = r.connection AND s.user_id = r.user_id
    AND coalesce(s.until >= r.from_day, true) AND coalesce(s.since <= r.to_day, true);

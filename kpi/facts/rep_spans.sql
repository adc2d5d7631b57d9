-- rep_spans: one row is one rep in one team at one stage of tenure, over the local days (both in) on which the rep was
-- active there.
CREATE OR REPLACE TABLE rep_spans AS
WITH steps AS (
    SELECT connection, user_id, team_id, local_day(from_at) AS since,
        local_day(lead(from_at) OVER one - INTERVAL 1 MICROSECOND) AS until
    FROM team_history WINDOW one AS (PARTITION BY connection, user_id ORDER BY from_at)
    UNION ALL
    SELECT connection, user_id, NULL, DATE '0001-01-01', local_day(min(from_at) - INTERVAL 1 MICROSECOND)
    FROM team_history GROUP BY connection, user_id HAVING min(from_at) > TIMESTAMP '0001-01-02 00:00:00'
),
tenures AS (SELECT unnest([0, 90, 365, 1095]) AS first_day, unnest([89, 364, 1094, NULL]) AS last_day),
aged AS (
    SELECT r.connection, r.user_id, r.role, r.to_day, tenure_band(t.first_day) AS tenure_band,
        r.from_day + t.first_day AS from_day, least(r.from_day + t.last_day, r.to_day) AS until_day
    FROM reps r JOIN tenures t ON r.from_day IS NOT NULL
        AND coalesce(r.from_day + t.first_day <= r.to_day, true)
    UNION ALL BY NAME
    SELECT connection, user_id, role, to_day, '__none__' AS tenure_band, from_day, to_day AS until_day
    FROM reps WHERE from_day IS NULL
)
SELECT r.connection, r.connection || ':' || r.user_id AS rep, r.role, r.tenure_band,
    member_id(r.connection, s.team_id) AS team, greatest(r.from_day, s.since) AS since,
    least(r.until_day, s.until) AS until
FROM aged r LEFT JOIN steps s ON s.connection = r.connection AND s.user_id = r.user_id
    AND coalesce(s.until >= r.from_day, true) AND coalesce(s.since <= r.until_day, true);

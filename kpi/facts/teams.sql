-- teams: a user's team while it held, from_at <= t < to_at.
CREATE OR REPLACE MACRO ever() AS TIMESTAMP '0001-01-01 00:00:00';
CREATE OR REPLACE MACRO never() AS TIMESTAMP '9999-01-01 00:00:00';
CREATE OR REPLACE TABLE team_history AS
WITH spans AS (
    SELECT connection, user_id, team_id, coalesce(is_primary, false) AS is_primary,
        coalesce(valid_from, ever()) AS from_at, coalesce(least(valid_to, deleted_at), never()) AS to_at
    FROM team_memberships
),
turns AS (
    SELECT connection, user_id, from_at AS turn FROM spans UNION SELECT connection, user_id, to_at FROM spans
),
steps AS (
    SELECT t.connection, t.user_id, t.turn AS from_at,
        first(s.team_id ORDER BY s.is_primary DESC, s.team_id) FILTER (s.team_id IS NOT NULL) AS team_id
    FROM turns t LEFT JOIN spans s ON s.connection = t.connection AND s.user_id = t.user_id
        AND s.from_at <= t.turn AND s.to_at > t.turn
    GROUP BY ALL
)
SELECT *, coalesce(lead(from_at) OVER (PARTITION BY connection, user_id ORDER BY from_at), never()) AS to_at FROM steps;

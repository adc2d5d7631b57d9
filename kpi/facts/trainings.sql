-- trainings: one row is one completed training of a rep, on its day; was the rep still (already) active?
CREATE OR REPLACE TABLE trainings AS
WITH placed AS (
    SELECT *, home(connection, 'users', user_id) AS owner, day_end(completed_on) AS at FROM training_events
    WHERE completed_on IS NOT NULL AND coalesce(lower(trim(status)), 'completed') = 'completed'
)
SELECT p.connection, p.id, p.completed_on AS day, p.owner, member_id(r.connection, t.team_id) AS team,
    r.role, member(p.kind) AS skill, p.hours,
    coalesce(p.completed_on BETWEEN coalesce(r.from_day, p.completed_on) AND coalesce(r.to_day, p.completed_on), false)
        AS is_active
FROM placed p JOIN reps r ON r.connection || ':' || r.user_id = p.owner
LEFT JOIN team_history t ON t.connection = r.connection AND t.user_id = r.user_id
    AND p.at >= t.from_at AND p.at < t.to_at;

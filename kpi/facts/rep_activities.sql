-- rep_activities: one row is one activity that counts for its owner, or one call, on its day.
CREATE OR REPLACE TABLE rep_activities AS
WITH placed AS (
    SELECT connection, id, type, direction, owner_id, outcome,
        CASE WHEN type = 'task' THEN coalesce(completed_at, occurred_at) ELSE occurred_at END AS at,
        type = 'call' AND coalesce(direction, '') <> 'inbound' AND coalesce(outcome, '') NOT IN ('canceled', 'open')
            AS is_call,
        NOT coalesce(is_automated, false) AND CASE type
            WHEN 'call' THEN coalesce(direction, '') <> 'inbound' AND coalesce(outcome, '') NOT IN ('canceled', 'open')
            WHEN 'meeting' THEN coalesce(outcome, '') IN ('completed', 'no_show')
            WHEN 'task' THEN coalesce(outcome, '') = 'completed'
            ELSE coalesce(direction, '') <> 'inbound' AND coalesce(outcome, '') NOT IN ('failed', 'bounced', 'open')
        END AS counts
    FROM activities
)
SELECT row_number() OVER () AS activity, local_day(p.at) AS day, member_id(p.connection, p.owner_id) AS owner,
    member_id(p.connection, t.team_id) AS team, member(p.type) AS activity_type, member(p.direction) AS direction,
    member(p.outcome) AS outcome, CAST(is_call AS INTEGER) AS call, CAST(counts AS INTEGER) AS counted,
    CAST(is_call AND r.user_id IS NOT NULL AS INTEGER) AS rep_call, p.connection, p.id
FROM placed p
LEFT JOIN reps r ON r.connection = p.connection AND r.user_id = p.owner_id
LEFT JOIN team_history t ON t.connection = p.connection AND t.user_id = p.owner_id
        AND p.at >= t.from_at AND p.at < t.to_at
WHERE (is_call OR counts) AND p.at IS NOT NULL;

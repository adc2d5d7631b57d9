-- rep_activities: one row is one done activity on its day; `counted` where it counts for its owner, `call` where it is
-- an outbound call, `touch` where it reached a customer or came from one, `conversation` and `demo` where it was one.
CREATE OR REPLACE TABLE rep_activities AS
WITH titled AS (
    SELECT a.*, is_demo(a.subtype, t.subject) AS is_about_demo, NOT coalesce(a.is_automated, false) AS is_human,
        coalesce(a.direction, '') = 'inbound' AS is_inbound, coalesce(a.outcome, '') AS ended
    FROM activities a LEFT JOIN meeting_titles t ON t.connection = a.connection AND t.id = a.id
),
placed AS (
    SELECT connection, id, type, subtype, direction, owner_id, outcome,
        CASE WHEN type = 'task' THEN coalesce(completed_at, occurred_at) ELSE occurred_at END AS at,
        type = 'call' AND NOT is_inbound AND ended NOT IN ('canceled', 'open')
            AND (ended = 'connected' OR NOT calls_connected_only()) AS is_call,
        CASE type
            WHEN 'call' THEN NOT is_inbound AND ended NOT IN ('canceled', 'open')
            WHEN 'meeting' THEN ended IN ('completed', 'no_show')
            WHEN 'task' THEN ended = 'completed'
            ELSE NOT is_inbound AND ended NOT IN ('failed', 'bounced', 'open')
        END AS is_done, is_human, is_human AND is_done AS counts,
        is_human AND CASE type
            WHEN 'call' THEN ended NOT IN ('canceled', 'open')
            WHEN 'meeting' THEN ended = 'completed'
            WHEN 'task' THEN false
            ELSE ended NOT IN ('failed', 'bounced', 'open')
        END AS touches,
        is_human AND (type = 'call' AND ended = 'connected'
            OR type = 'meeting' AND ended = 'completed' AND NOT is_about_demo) AS talks,
        is_human AND type = 'meeting' AND ended = 'completed' AND is_about_demo AS demonstrates, is_inbound
    FROM titled
)
SELECT row_number() OVER () AS activity, local_day(p.at) AS day, p.at, member_id(p.connection, p.owner_id) AS owner,
    member_id(p.connection, t.team_id) AS team, member(p.type) AS activity_type, member(p.direction) AS direction,
    member(p.outcome) AS outcome, CAST(is_call AS INTEGER) AS call, CAST(counts AS INTEGER) AS counted,
    CAST(is_done AND NOT is_human AS INTEGER) AS automated,
    member(CASE type WHEN 'call' THEN 'phone' WHEN 'message' THEN coalesce(subtype, type) ELSE type END) AS channel,
    CAST(touches AS INTEGER) AS touch, CAST(talks AS INTEGER) AS conversation, CAST(demonstrates AS INTEGER) AS demo,
    CAST(is_call AND r.user_id IS NOT NULL AS INTEGER) AS rep_call, coalesce(r.role, '__none__') AS role,
    lpad(CAST(local_hour(p.at) AS VARCHAR), 2, '0') AS hour, p.connection, p.id, p.is_inbound
FROM placed p
LEFT JOIN reps r ON r.connection = p.connection AND r.user_id = p.owner_id
LEFT JOIN team_history t ON t.connection = p.connection AND t.user_id = p.owner_id
        AND p.at >= t.from_at AND p.at < t.to_at
WHERE (is_call OR is_done OR touches) AND p.at IS NOT NULL;

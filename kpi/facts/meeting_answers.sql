-- meeting_answers: one row is one prospect invited to one meeting, on the day for which it was set. Colleagues are no
-- prospects. `is_known` is false where a connection knows no answers: then its invitations tell nothing.
CREATE OR REPLACE TABLE meeting_answers AS
WITH answering AS (
    SELECT DISTINCT i.connection FROM meeting_invites i
    LEFT JOIN activities a ON a.connection = i.connection AND a.id = i.activity_id
    WHERE i.status IN ('accepted', 'declined', 'rescheduled') OR a.outcome = 'rescheduled'
),
colleagues AS (SELECT DISTINCT lower(trim(email)) AS email FROM users WHERE email IS NOT NULL)
SELECT local_day(a.occurred_at) AS day, i.connection, i.activity_id AS id,
    i.connection || ':' || coalesce(p.contact_id, i.contact_id) AS prospect,
    coalesce(i.status IN ('accepted', 'rescheduled') OR a.outcome = 'rescheduled', false) AS is_accepted,
    w.connection IS NOT NULL AS is_known, member_id(a.connection, a.owner_id) AS owner, member_id(a.connection, t.team_id) AS team,
    member(a.subtype) AS meeting_type, member(c.source) AS source,
    member(coalesce(o.country, c.country)) AS country,
    member(coalesce(o.region, r.region)) AS region
FROM meeting_invites i LEFT JOIN answering w ON w.connection = i.connection
JOIN activities a ON a.connection = i.connection AND a.id = i.activity_id AND a.type = 'meeting'
LEFT JOIN people p ON p.connection = i.connection AND p.id = i.contact_id
LEFT JOIN contacts c ON c.connection = i.connection AND c.id = coalesce(p.contact_id, i.contact_id)
LEFT JOIN companies o ON o.connection = i.connection AND o.id = p.company_id
LEFT JOIN region_map r ON r.country = coalesce(o.country, c.country)
LEFT JOIN team_history t ON t.connection = a.connection AND t.user_id = a.owner_id
    AND a.occurred_at >= t.from_at AND a.occurred_at < t.to_at
WHERE a.occurred_at IS NOT NULL
    AND NOT coalesce(lower(trim(c.email)) IN (SELECT email FROM colleagues), false);

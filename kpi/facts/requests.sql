-- requests: one row is one ticket on the day that it was opened, with the time until a person answered.
CREATE OR REPLACE TABLE requests AS
SELECT local_day(t.created_at) AS day, t.connection, t.id,
    CASE WHEN h.home IS NULL THEN '__none__' ELSE h.home || ':' || h.home_id END AS owner,
    member_id(h.home, m.team_id) AS team, 'ticket' AS channel, member(t.priority) AS priority,
    coalesce(q.country, '__none__') AS country, coalesce(q.region, '__none__') AS region,
    CASE WHEN t.first_response_at >= t.created_at THEN waited(t.created_at, t.first_response_at) END
        AS microseconds,
    CAST(t.first_response_at IS NULL AS INTEGER) AS unanswered,
    CAST(coalesce(t.first_response_at < t.created_at, false) AS INTEGER) AS bad_response
FROM tickets t
LEFT JOIN referents h ON h.entity = 'users' AND h.connection = t.connection AND h.id = t.owner_id
LEFT JOIN team_history m ON m.connection = h.home AND m.user_id = h.home_id
    AND t.created_at >= m.from_at AND t.created_at < m.to_at
LEFT JOIN referents c ON c.entity = 'companies' AND c.connection = t.connection AND c.id = t.company_id
LEFT JOIN parties q ON q.party = 'company:' || c.home || ':' || c.home_id
WHERE t.created_at IS NOT NULL;

-- reps: the users who sell, with the local days on which they are active. One row, one rep.
CREATE OR REPLACE TABLE reps AS
WITH owners AS (
    SELECT connection, owner_id FROM deals
    UNION SELECT c.connection, c.new_value FROM deal_field_changes c
    JOIN deals d ON d.connection = c.connection AND d.id = c.deal_id WHERE c.field = 'owner_id'
)
SELECT u.connection, u.id AS user_id, member(u.role) AS role, local_day(u.active_from) AS from_day,
    local_day(coalesce(u.active_to, u.deleted_at, CASE WHEN NOT u.is_active THEN u.updated_at END)) AS to_day
FROM users u LEFT JOIN owners o ON o.connection = u.connection AND o.owner_id = u.id
WHERE (o.owner_id IS NOT NULL OR u.role = 'rep') AND u.merged_into_id IS NULL;

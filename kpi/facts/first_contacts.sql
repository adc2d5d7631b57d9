-- first_contacts: one row is one won new-business deal on its close day, with the days since the first contact.
CREATE OR REPLACE TABLE first_contacts AS
WITH news AS (
    SELECT c.*, d.id, d.primary_contact_id FROM closed_deals c JOIN deal d ON d.deal = c.deal
    WHERE c.won = 1 AND c.deal_type = 'new_business'
),
parents AS (
    SELECT n.deal, l.lead, l.connection, l.id, l.contact_id, l.day AS created_day
    FROM news n JOIN lead l ON l.connection = n.connection AND l.deal_id = n.id
),
ends AS (
    SELECT deal, connection, 'deals' AS entity, id AS entity_id FROM news
    UNION SELECT deal, connection, 'leads', id FROM parents
    UNION SELECT deal, connection, 'contacts', contact_id FROM parents WHERE contact_id IS NOT NULL
    UNION SELECT deal, connection, 'contacts', primary_contact_id FROM news WHERE primary_contact_id IS NOT NULL
    UNION SELECT n.deal, n.connection, 'contacts', c.contact_id FROM news n
        JOIN deal_contacts c ON c.connection = n.connection AND c.deal_id = n.id
),
folded AS (
    SELECT e.deal, e.connection, e.entity, coalesce(s.id, e.entity_id) AS entity_id FROM ends e
    LEFT JOIN survivors s ON s.entity = e.entity AND s.connection = e.connection AND s.old_id = e.entity_id
),
every_end AS (
    SELECT * FROM folded
    UNION SELECT f.deal, f.connection, f.entity, s.old_id FROM folded f
        JOIN survivors s ON s.entity = f.entity AND s.connection = f.connection AND s.id = f.entity_id
),
touched AS (
    SELECT e.deal, min(a.day) AS day FROM every_end e
    JOIN activity_links k ON k.connection = e.connection AND k.entity = e.entity AND k.entity_id = e.entity_id
    JOIN rep_activities a ON a.connection = k.connection AND a.id = k.activity_id
    WHERE a.counted = 1 GROUP BY e.deal
),
born AS (SELECT deal, min(created_day) AS day FROM parents GROUP BY deal),
begun AS (
    SELECT n.* EXCLUDE (id, primary_contact_id), coalesce(t.day, b.day) AS first_day
    FROM news n LEFT JOIN touched t ON t.deal = n.deal LEFT JOIN born b ON b.deal = n.deal
)
SELECT *, CASE WHEN day >= first_day THEN day - first_day END AS days_since,
    CAST(coalesce(day < first_day, false) AS INTEGER) AS bad_contact, CAST(first_day IS NULL AS INTEGER) AS no_contact
FROM begun;

-- survivors: what the id of a company, contact, lead or deal that was merged away means now.
CREATE OR REPLACE TABLE survivors AS
WITH RECURSIVE steps AS (
    SELECT connection, 'companies' AS entity, id AS old_id, merged_into_id AS id FROM companies
    WHERE merged_into_id IS NOT NULL
    UNION ALL SELECT connection, 'contacts', id, merged_into_id FROM contacts WHERE merged_into_id IS NOT NULL
    UNION ALL SELECT connection, 'leads', id, merged_into_id FROM leads WHERE merged_into_id IS NOT NULL
    UNION ALL SELECT connection, 'deals', id, merged_into_id FROM merged_deals
),
walked AS (
    SELECT *, 1 AS hops FROM steps
    UNION ALL
    SELECT w.connection, w.entity, w.old_id, s.id, w.hops + 1 FROM walked w
    JOIN steps s ON s.connection = w.connection AND s.entity = w.entity AND s.old_id = w.id WHERE w.hops < 20
)
SELECT connection, entity, old_id, arg_max(id, hops) AS id FROM walked GROUP BY connection, entity, old_id;

-- referents: what a reference of a row out of a file means, wherever that lives; merged ids are folded.
CREATE OR REPLACE TABLE referents AS
WITH named AS (
    SELECT 'companies' AS entity, connection, company_id AS id FROM subscriptions
    UNION SELECT 'companies', connection, company_id FROM product_usage
    UNION SELECT 'companies', connection, company_id FROM survey_responses
    UNION SELECT 'companies', connection, company_id FROM tickets
    UNION SELECT 'contacts', connection, contact_id FROM survey_responses
    UNION SELECT 'products', connection, product_id FROM subscriptions
    UNION SELECT 'products', connection, product_id FROM product_usage
    UNION SELECT 'users', connection, owner_id FROM tickets
),
placed AS (SELECT entity, connection, id, home(connection, entity, id) AS member FROM named WHERE id <> ''),
divided AS (
    SELECT entity, connection, id, split_part(member, ':', 1) AS home, substr(member, strpos(member, ':') + 1) AS bare
    FROM placed
)
SELECT d.entity, d.connection, d.id, d.home, coalesce(s.id, d.bare) AS home_id
FROM divided d LEFT JOIN survivors s ON s.entity = d.entity AND s.connection = d.home AND s.old_id = d.bare;

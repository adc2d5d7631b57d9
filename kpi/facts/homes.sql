-- homes: where an id lives. A row out of a file names people, products and campaigns that another connection keeps.
CREATE OR REPLACE TABLE home_rows AS
SELECT 'users' AS entity, connection, id FROM users
UNION ALL SELECT 'teams', connection, id FROM teams
UNION ALL SELECT 'pipelines', connection, id FROM pipelines
UNION ALL SELECT 'products', connection, id FROM products
UNION ALL SELECT 'campaigns', connection, id FROM campaigns
UNION ALL SELECT 'companies', connection, id FROM companies
UNION ALL SELECT 'contacts', connection, id FROM contacts;
CREATE OR REPLACE TABLE only_homes AS
SELECT entity, id, min(connection) AS connection FROM home_rows GROUP BY entity, id HAVING count(*) = 1;
CREATE OR REPLACE TABLE connections AS
SELECT DISTINCT connection FROM home_rows UNION SELECT connection FROM accounts;

-- home(connection, entity, id): the member that an id means: a row of its own connection, else the only one of another;
-- one that is written `connection:id` stands as it is.
CREATE OR REPLACE MACRO home(its_connection, its_entity, its_id) AS CASE
    WHEN its_id IS NULL OR its_id = '' THEN '__none__'
    WHEN EXISTS (SELECT 1 FROM home_rows h WHERE h.entity = its_entity AND h.connection = its_connection
        AND h.id = its_id) THEN its_connection || ':' || its_id
    WHEN contains(its_id, ':') AND split_part(its_id, ':', 1) IN (SELECT connection FROM connections) THEN its_id
    ELSE coalesce((SELECT max(h.connection) FROM only_homes h WHERE h.entity = its_entity AND h.id = its_id),
        its_connection) || ':' || its_id END;

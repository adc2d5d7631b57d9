-- activity_parties: one row is one activity with one of those that it was about.
CREATE OR REPLACE TABLE activity_parties AS
WITH ends AS (
    SELECT connection, 'companies' AS entity, id AS entity_id, 'company:' || connection || ':' || id AS party
    FROM companies WHERE merged_into_id IS NULL
    UNION ALL SELECT connection, 'companies', old_id, 'company:' || connection || ':' || id FROM survivors
    WHERE entity = 'companies'
    UNION ALL SELECT connection, 'contacts', id, party FROM people
    UNION ALL SELECT connection, 'leads', id, party FROM lead
    UNION ALL SELECT s.connection, 'leads', s.old_id, l.party FROM survivors s
    JOIN lead l ON l.connection = s.connection AND l.id = s.id WHERE s.entity = 'leads'
    UNION ALL SELECT connection, 'deals', id, customer FROM deal_customer
    UNION ALL SELECT s.connection, 'deals', s.old_id, d.customer FROM survivors s
    JOIN deal_customer d ON d.connection = s.connection AND d.id = s.id WHERE s.entity = 'deals'
)
SELECT DISTINCT k.connection, k.activity_id, coalesce(e.party, CASE k.entity
    WHEN 'companies' THEN 'company:' || k.connection || ':' || k.entity_id
    WHEN 'contacts' THEN 'contact:' || k.connection || ':' || k.entity_id END) AS party
FROM activity_links k
LEFT JOIN ends e ON e.connection = k.connection AND e.entity = k.entity AND e.entity_id = k.entity_id
WHERE e.party IS NOT NULL OR k.entity IN ('companies', 'contacts');

-- activity_deals: one row is one activity with the deal that it was about; of several the one with the lowest id.
CREATE OR REPLACE TABLE activity_deals AS
SELECT k.connection, k.activity_id, arg_min(d.pipeline, d.id) AS pipeline, arg_min(d.stage, d.id) AS stage,
    arg_min(d.region, d.id) AS region
FROM activity_links k
LEFT JOIN survivors s ON s.entity = 'deals' AND s.connection = k.connection AND s.old_id = k.entity_id
JOIN deal d ON d.connection = k.connection AND d.id = coalesce(s.id, k.entity_id)
WHERE k.entity = 'deals' GROUP BY k.connection, k.activity_id;

-- touched: one row is one touchpoint of one customer on its day, or one that is tied to nobody. Customers are numbered:
-- numbers are told apart many times faster than texts.
CREATE OR REPLACE TABLE touched AS
WITH numbered AS (
    SELECT party, row_number() OVER () AS number FROM (SELECT DISTINCT party FROM activity_parties)
)
SELECT a.day, a.connection, a.id, p.party AS customer, n.number AS customer_number, a.owner, a.team, a.activity_type, a.direction,
    coalesce(q.country, '__none__') AS country, coalesce(q.region, '__none__') AS region,
    coalesce(q.industry, '__none__') AS industry, coalesce(q.size_band, '__none__') AS size_band,
    coalesce(q.source, '__none__') AS source, coalesce(d.stage, '__none__') AS stage
FROM rep_activities a
LEFT JOIN activity_parties p ON p.connection = a.connection AND p.activity_id = a.id
LEFT JOIN numbered n ON n.party = p.party
LEFT JOIN parties q ON q.party = p.party
LEFT JOIN activity_deals d ON d.connection = a.connection AND d.activity_id = a.id
WHERE a.touch = 1;

-- talks: one row is one conversation or one demo on its day.
CREATE OR REPLACE TABLE talks AS
SELECT a.*, coalesce(d.pipeline, '__none__') AS pipeline, coalesce(d.stage, '__none__') AS stage,
    coalesce(d.region, '__none__') AS region
FROM rep_activities a
LEFT JOIN activity_deals d ON d.connection = a.connection AND d.activity_id = a.id
WHERE a.conversation = 1 OR a.demo = 1;

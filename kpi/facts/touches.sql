-- activity_ends: one row is one rep's activity with one record that it is linked to. Activities and those that they were
-- about go by numbers from here on: numbers are told apart many times faster than texts.
CREATE OR REPLACE TABLE activity_ends AS
SELECT a.activity, k.connection, k.entity, k.entity_id
FROM activity_links k JOIN rep_activities a ON a.connection = k.connection AND a.id = k.activity_id;

-- named_ends: one row is one of those records with the company or person that it means.
CREATE OR REPLACE TABLE named_ends AS
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
SELECT k.activity, coalesce(e.party, CASE k.entity
    WHEN 'companies' THEN 'company:' || k.connection || ':' || k.entity_id
    WHEN 'contacts' THEN 'contact:' || k.connection || ':' || k.entity_id END) AS party
FROM activity_ends k
LEFT JOIN ends e ON e.connection = k.connection AND e.entity = k.entity AND e.entity_id = k.entity_id
WHERE e.party IS NOT NULL OR k.entity IN ('companies', 'contacts');

-- party_numbers: one row is one of those that activities were about, numbered.
CREATE OR REPLACE TABLE party_numbers AS
SELECT party, CAST(row_number() OVER () AS INTEGER) AS number FROM (SELECT DISTINCT party FROM named_ends);

-- activity_parties: one row is one activity with one of those that it was about.
CREATE OR REPLACE TABLE activity_parties AS
SELECT DISTINCT e.activity, n.number FROM named_ends e JOIN party_numbers n ON n.party = e.party;

-- activity_deals: one row is one activity with the deal that it was about; of several the one with the lowest id.
CREATE OR REPLACE TABLE activity_deals AS
WITH chosen AS (
    SELECT k.activity, arg_min(d.deal, d.id) AS deal
    FROM activity_ends k
    LEFT JOIN survivors s ON s.entity = 'deals' AND s.connection = k.connection AND s.old_id = k.entity_id
    JOIN deal d ON d.connection = k.connection AND d.id = coalesce(s.id, k.entity_id)
    WHERE k.entity = 'deals' GROUP BY k.activity
)
SELECT c.activity, d.pipeline, d.stage, d.region FROM chosen c JOIN deal d ON d.deal = c.deal;

-- touched: one row is one touchpoint of one customer on its day, or one that is tied to nobody.
CREATE OR REPLACE TABLE touched AS
WITH known AS (
    SELECT n.number, n.party, member(q.country) AS country, member(q.region) AS region, member(q.industry) AS industry,
        member(q.size_band) AS size_band, member(q.source) AS source
    FROM party_numbers n LEFT JOIN parties q ON q.party = n.party
)
SELECT a.day, a.connection, a.id, k.party AS customer, p.number AS customer_number, a.owner, a.team, a.activity_type,
    a.direction, coalesce(k.country, '__none__') AS country, coalesce(k.region, '__none__') AS region,
    coalesce(k.industry, '__none__') AS industry, coalesce(k.size_band, '__none__') AS size_band,
    coalesce(k.source, '__none__') AS source, coalesce(d.stage, '__none__') AS stage
FROM rep_activities a
LEFT JOIN activity_parties p ON p.activity = a.activity
LEFT JOIN known k ON k.number = p.number
LEFT JOIN activity_deals d ON d.activity = a.activity
WHERE a.touch = 1;

-- talks: one row is one conversation or one demo on its day.
CREATE OR REPLACE VIEW talks AS
SELECT a.*, coalesce(d.pipeline, '__none__') AS pipeline, coalesce(d.stage, '__none__') AS stage,
    coalesce(d.region, '__none__') AS region
FROM rep_activities a LEFT JOIN activity_deals d ON d.activity = a.activity
WHERE a.conversation = 1 OR a.demo = 1;

-- What only leads there takes the room of the facts.
DROP TABLE named_ends;
DROP TABLE activity_ends;

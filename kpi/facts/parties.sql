-- people: whom a contact's id means, and who may be a customer for it: the company, else the person.
CREATE OR REPLACE TABLE people AS
SELECT c.connection, c.id, coalesce(f.id, c.id) AS contact_id, coalesce(g.id, t.company_id) AS company_id,
    CASE WHEN coalesce(g.id, t.company_id) IS NOT NULL
            THEN 'company:' || c.connection || ':' || coalesce(g.id, t.company_id)
        ELSE 'contact:' || c.connection || ':' || coalesce(f.id, c.id) END AS party
FROM contacts c
LEFT JOIN survivors f ON f.entity = 'contacts' AND f.connection = c.connection AND f.old_id = c.id
LEFT JOIN contacts t ON t.connection = c.connection AND t.id = coalesce(f.id, c.id)
LEFT JOIN survivors g ON g.entity = 'companies' AND g.connection = c.connection AND g.old_id = t.company_id;

-- parties: whoever may be a customer, companies and people, with their dimensions as they stand.
CREATE OR REPLACE TABLE parties AS
WITH every AS (
    SELECT 'company:' || c.connection || ':' || c.id AS party, c.connection, member_id(c.connection, c.id) AS company,
        c.country, coalesce(c.region, m.region) AS region, c.industry,
        coalesce(c.size_band, employees_band(c.employees)) AS size_band, c.source, c.owner_id
    FROM companies c LEFT JOIN region_map m ON m.country = c.country WHERE c.merged_into_id IS NULL
    UNION ALL
    SELECT 'contact:' || p.connection || ':' || p.id, p.connection, '__none__', c.country, m.region, NULL, NULL, c.source, c.owner_id
    FROM people p JOIN contacts c ON c.connection = p.connection AND c.id = p.id
    LEFT JOIN region_map m ON m.country = c.country
    WHERE p.id = p.contact_id
)
SELECT e.party, e.connection, e.company, member(e.country) AS country, member(e.region) AS region,
    member(e.industry) AS industry, member(e.size_band) AS size_band, member(e.source) AS source,
    member_id(e.connection, e.owner_id) AS owner, member_id(e.connection, t.team_id) AS team
FROM every e LEFT JOIN team_history t ON t.connection = e.connection AND t.user_id = e.owner_id
    AND present() >= t.from_at AND present() < t.to_at;

-- deal_customer: one row is one deal in scope with its customer: the company, else the primary contact, else itself.
CREATE OR REPLACE TABLE deal_customer AS
SELECT d.deal, d.connection, d.id,
    CASE WHEN d.company_id IS NOT NULL THEN 'company:' || d.connection || ':' || coalesce(g.id, d.company_id)
        WHEN d.primary_contact_id IS NOT NULL
            THEN 'contact:' || d.connection || ':' || coalesce(f.id, d.primary_contact_id)
        ELSE 'deal:' || d.deal END AS customer
FROM deal d
LEFT JOIN survivors g ON g.entity = 'companies' AND g.connection = d.connection AND g.old_id = d.company_id
LEFT JOIN survivors f ON f.entity = 'contacts' AND f.connection = d.connection AND f.old_id = d.primary_contact_id;

-- deal_calls: one row is one call tied to one deal, on the call's day, with the deal's owner, team and pipeline.
CREATE OR REPLACE TABLE deal_calls AS
WITH calls AS (SELECT activity, connection, id, day, outcome FROM rep_activities WHERE call = 1),
links AS (
    SELECT DISTINCT c.activity, c.connection, c.day, l.entity, coalesce(s.id, l.entity_id) AS entity_id
    FROM calls c JOIN activity_links l ON l.connection = c.connection AND l.activity_id = c.id
    LEFT JOIN survivors s ON s.entity = l.entity AND s.connection = l.connection AND s.old_id = l.entity_id
),
direct AS (
    SELECT l.activity, l.day, d.deal FROM links l
    JOIN deal d ON d.connection = l.connection AND d.id = l.entity_id
    WHERE l.entity = 'deals' AND (d.is_regular OR NOT d.won)
    UNION
    SELECT l.activity, l.day, d.deal FROM links l
    JOIN lead e ON e.connection = l.connection AND e.id = l.entity_id AND l.entity = 'leads'
    JOIN deal d ON d.connection = e.connection AND d.id = e.deal_id WHERE d.is_regular OR NOT d.won
),
named AS (
    SELECT connection, primary_contact_id AS contact_id, deal FROM deal WHERE primary_contact_id IS NOT NULL
    UNION SELECT c.connection, c.contact_id, d.deal FROM deal_contacts c
    JOIN deal d ON d.connection = c.connection AND d.id = c.deal_id
),
known AS (
    SELECT DISTINCT n.connection, coalesce(s.id, n.contact_id) AS contact_id, n.deal
    FROM named n LEFT JOIN survivors s ON s.entity = 'contacts' AND s.connection = n.connection
        AND s.old_id = n.contact_id
),
indirect AS (
    SELECT l.activity, l.day, p.deal FROM links l
    JOIN known p ON p.connection = l.connection AND p.contact_id = l.entity_id
    WHERE l.entity = 'contacts'
    UNION ALL
    SELECT l.activity, l.day, d.deal FROM links l
    JOIN deal d ON d.connection = l.connection AND d.company_id = l.entity_id
    WHERE l.entity = 'companies'
),
tied AS (
    SELECT activity, day, deal, day_end(day) AS at FROM direct
    UNION ALL
    SELECT i.activity, i.day, i.deal, day_end(i.day) FROM indirect i JOIN open_spans s ON s.deal = i.deal
    WHERE i.day >= s.since AND i.day <= coalesce(s.until, i.day)
        AND i.activity NOT IN (SELECT activity FROM direct)
),
changed AS (
    SELECT t.activity, t.day, t.deal, d.id, v.entered_at,
        CASE WHEN v.deal IS NULL THEN d.stage ELSE stage_id(v.connection, v.pipeline_id, v.stage_key) END AS call_stage
    FROM tied t JOIN deal d ON d.deal = t.deal
    LEFT JOIN visits v ON v.deal = t.deal AND t.at >= v.entered_at AND t.at < v.next_at
),
chosen AS (
    SELECT activity, day, first(deal ORDER BY entered_at DESC NULLS LAST, id) AS deal,
        first(call_stage ORDER BY entered_at DESC NULLS LAST, id) AS call_stage
    FROM changed GROUP BY activity, day
)
SELECT c.activity, k.connection, k.id, c.day, c.deal, s.owner, s.team, s.pipeline, s.region, c.call_stage, k.outcome
FROM chosen c JOIN settled_deals s ON s.deal = c.deal JOIN calls k ON k.activity = c.activity;

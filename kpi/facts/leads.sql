-- lead: the leads as they stand, one row each, created when the earliest of those merged into it was.
CREATE OR REPLACE TABLE lead AS
WITH born AS (
    SELECT l.connection, coalesce(s.id, l.id) AS id, min(l.created_at) AS created_at
    FROM leads l LEFT JOIN survivors s ON s.entity = 'leads' AND s.connection = l.connection AND s.old_id = l.id
    WHERE l.deleted_at IS NULL OR l.merged_into_id IS NOT NULL GROUP BY ALL
),
folded AS (
    SELECT row_number() OVER () AS lead, l.* EXCLUDE (created_at, contact_id, company_id), b.created_at,
        coalesce(p.contact_id, l.contact_id) AS contact_id, coalesce(g.id, l.company_id, p.company_id) AS company_id,
        coalesce(f.id, l.converted_deal_id) AS deal_id
    FROM leads l JOIN born b ON b.connection = l.connection AND b.id = l.id
    LEFT JOIN people p ON p.connection = l.connection AND p.id = l.contact_id
    LEFT JOIN survivors g ON g.entity = 'companies' AND g.connection = l.connection AND g.old_id = l.company_id
    LEFT JOIN survivors f ON f.entity = 'deals' AND f.connection = l.connection AND f.old_id = l.converted_deal_id
    WHERE l.deleted_at IS NULL AND l.merged_into_id IS NULL
)
SELECT l.lead, l.connection, l.id, l.created_at, local_day(l.created_at) AS day, l.contact_id, l.company_id, l.deal_id,
    l.first_contacted_at, l.qualified_at, l.qualified_level, l.converted_at, l.disqualified_at,
    CASE WHEN l.company_id IS NOT NULL THEN 'company:' || l.connection || ':' || l.company_id
        WHEN l.contact_id IS NOT NULL THEN 'contact:' || l.connection || ':' || l.contact_id
        ELSE 'lead:' || l.connection || ':' || l.id END AS party,
    member_id(l.connection, l.owner_id) AS owner, member_id(l.connection, t.team_id) AS team,
    member(source_name(coalesce(l.source, c.source))) AS source,
    coalesce(l.source_category, m.category, 'unknown') AS source_category,
    member_id(l.connection, l.campaign_id) AS campaign, member(k.channel) AS channel,
    member(coalesce(o.country, c.country)) AS country,
    member(coalesce(o.region, r.region)) AS region, member(o.industry) AS industry,
    member(coalesce(o.size_band, employees_band(o.employees))) AS size_band,
    member(l.status) AS lead_status, member_id(l.connection, l.stage_id) AS lead_stage,
    member_id(l.connection, l.company_id) AS company
FROM folded l
LEFT JOIN team_history t ON t.connection = l.connection AND t.user_id = l.owner_id
    AND l.created_at >= t.from_at AND l.created_at < t.to_at
LEFT JOIN contacts c ON c.connection = l.connection AND c.id = l.contact_id
LEFT JOIN companies o ON o.connection = l.connection AND o.id = l.company_id
LEFT JOIN region_map r ON r.country = coalesce(o.country, c.country)
LEFT JOIN source_map m ON m.source = source_name(coalesce(l.source, c.source))
LEFT JOIN campaigns k ON k.connection = l.connection AND k.id = l.campaign_id;

-- lead_outcomes: one row is one lead with the won deal that it led to: the one it became, else one of its contact or,
-- without a contact, of its company, that closed soon after. `patience` is how many days are soon.
CREATE OR REPLACE TABLE lead_outcomes AS
WITH wins AS (
    SELECT d.deal, d.connection, d.id, d.company_id, d.primary_contact_id, d.created_day, d.close_day FROM deal d
    WHERE d.won AND d.is_regular
),
linked AS (
    SELECT l.lead, l.day, any_value(w.deal) AS deal, any_value(w.close_day) AS won_day
    FROM lead l JOIN wins w ON w.connection = l.connection AND w.id = l.deal_id GROUP BY l.lead, l.day
),
patience AS (
    SELECT greatest(30, coalesce(1.5 * median(won_day - day) FILTER (won_day >= day), 30)) AS patience FROM linked
),
people_of AS (
    SELECT w.deal, w.connection, coalesce(p.contact_id, w.primary_contact_id) AS contact_id, w.created_day, w.close_day
    FROM wins w LEFT JOIN people p ON p.connection = w.connection AND p.id = w.primary_contact_id
    WHERE w.primary_contact_id IS NOT NULL
    UNION
    SELECT w.deal, w.connection, coalesce(p.contact_id, c.contact_id), w.created_day, w.close_day
    FROM wins w JOIN deal_contacts c ON c.connection = w.connection AND c.deal_id = w.id
    LEFT JOIN people p ON p.connection = c.connection AND p.id = c.contact_id
),
companies_of AS (
    SELECT w.deal, w.connection, coalesce(g.id, w.company_id) AS company_id, w.created_day, w.close_day
    FROM wins w
    LEFT JOIN survivors g ON g.entity = 'companies' AND g.connection = w.connection AND g.old_id = w.company_id
    WHERE w.company_id IS NOT NULL
),
candidates AS (
    SELECT l.lead, l.day, c.deal, c.created_day, c.close_day FROM lead l
    JOIN people_of c ON c.connection = l.connection AND c.contact_id = l.contact_id WHERE l.deal_id IS NULL
    UNION ALL
    SELECT l.lead, l.day, c.deal, c.created_day, c.close_day FROM lead l
    JOIN companies_of c ON c.connection = l.connection AND c.company_id = l.company_id
    WHERE l.deal_id IS NULL AND l.contact_id IS NULL
),
matched AS (
    SELECT c.lead, min(c.close_day) AS won_day FROM candidates c CROSS JOIN patience p
    WHERE c.created_day >= c.day AND c.close_day >= c.day AND c.close_day - c.day <= p.patience GROUP BY c.lead
)
SELECT l.lead, coalesce(k.won_day, m.won_day) AS won_day, coalesce(k.lead, m.lead) IS NOT NULL AS is_won,
    m.lead IS NOT NULL AS is_matched, p.patience,
    k.lead IS NULL AND m.lead IS NULL AND l.disqualified_at IS NULL AND NOT coalesce(d.closed, false) AS is_undecided
FROM lead l CROSS JOIN patience p
LEFT JOIN linked k ON k.lead = l.lead
LEFT JOIN matched m ON m.lead = l.lead
LEFT JOIN (SELECT connection, id, any_value(closed) AS closed FROM deal GROUP BY connection, id) d
    ON d.connection = l.connection AND d.id = l.deal_id;

-- created_leads: one row is one lead on the day of its creation, with what became of it by now.
CREATE OR REPLACE TABLE created_leads AS
SELECT l.* EXCLUDE (created_at, contact_id, company_id, deal_id, first_contacted_at, converted_at, party),
    CAST(l.qualified_at IS NOT NULL AS INTEGER) AS qualified,
    CAST(l.qualified_at IS NULL AND l.disqualified_at IS NULL AS INTEGER) AS being_worked,
    CAST(o.is_won AS INTEGER) AS won, CAST(o.is_undecided AS INTEGER) AS undecided,
    CAST(o.is_matched AS INTEGER) AS matched, today() - l.day < o.patience AS is_young, today() - l.day AS age,
    CASE WHEN l.source = '__none__' THEN 'unknown' ELSE l.source END AS known_source
FROM lead l JOIN lead_outcomes o ON o.lead = l.lead WHERE l.day IS NOT NULL;

-- sourced_leads: the same, where a lead without a source is of an unknown one.
CREATE OR REPLACE VIEW sourced_leads AS SELECT * REPLACE (known_source AS source) FROM created_leads;

-- qualified_leads: one row is one lead at one level, on the day of its qualification. A higher level implies MQL.
CREATE OR REPLACE TABLE qualified_leads AS
WITH ranked AS (
    SELECT *, CASE upper(qualified_level) WHEN 'SQL' THEN 3 WHEN 'SAL' THEN 2 WHEN 'MQL' THEN 1 ELSE 0 END AS rank
    FROM lead WHERE qualified_at IS NOT NULL
),
levels AS (
    SELECT lead, member(qualified_level) AS level, rank FROM ranked
    UNION ALL SELECT lead, 'MQL', 1 FROM ranked WHERE rank > 1
)
SELECT l.lead, l.connection, l.id, local_day(l.qualified_at) AS day, v.level,
    l.owner, l.team, l.source, l.source_category, l.campaign, l.channel, l.country, l.region, l.industry, l.size_band,
    l.lead_status, l.lead_stage, l.company, CAST(o.is_won AS INTEGER) AS won,
    CAST(o.is_undecided AS INTEGER) AS undecided, v.rank = max(v.rank) OVER () AS is_top,
    today() - local_day(l.qualified_at) < o.patience AS is_young
FROM lead l JOIN levels v ON v.lead = l.lead JOIN lead_outcomes o ON o.lead = l.lead;

-- leads_and_wins: one row is one lead created, or one new-business deal won.
CREATE OR REPLACE TABLE leads_and_wins AS
SELECT day, connection, 'leads' AS entity, id, owner, team, source, source_category, country, region, industry,
    size_band, 1 AS leads, 0 AS wins
FROM created_leads
UNION ALL
SELECT c.day, c.connection, 'deals', d.id, c.owner, c.team, c.source, c.source_category, c.country, c.region,
    c.industry, c.size_band, 0, 1
FROM closed_deals c JOIN deal d ON d.deal = c.deal WHERE c.won = 1 AND c.deal_type = 'new_business';

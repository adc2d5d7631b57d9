-- lead_touches: one row is one rep activity on a lead: its own, its contact's, or its deal's, from its creation on.
CREATE OR REPLACE TABLE lead_touches AS
WITH ends AS (
    SELECT lead, connection, 'leads' AS entity, id AS entity_id FROM lead
    UNION ALL SELECT lead, connection, 'contacts', contact_id FROM lead WHERE contact_id IS NOT NULL
    UNION ALL SELECT lead, connection, 'deals', deal_id FROM lead WHERE deal_id IS NOT NULL
),
old_ends AS (
    SELECT e.lead, e.connection, e.entity, s.old_id AS entity_id FROM ends e
    JOIN survivors s ON s.entity = e.entity AND s.connection = e.connection AND s.id = e.entity_id
),
every_end AS (SELECT * FROM ends UNION ALL SELECT * FROM old_ends)
SELECT DISTINCT e.lead, a.activity, a.id, a.at, a.day FROM every_end e
JOIN activity_links k ON k.connection = e.connection AND k.entity = e.entity AND k.entity_id = e.entity_id
JOIN rep_activities a ON a.connection = k.connection AND a.id = k.activity_id
JOIN lead l ON l.lead = e.lead
WHERE a.counted = 1 AND a.at >= l.created_at;

-- followed_leads: one row is one lead that had a first contact, on its day of creation; followed up within the window.
CREATE OR REPLACE TABLE followed_leads AS
WITH numbered AS (
    SELECT t.lead, t.at, row_number() OVER one AS nth, lead(t.at) OVER one AS next_at FROM lead_touches t
    WINDOW one AS (PARTITION BY t.lead ORDER BY t.at, t.id)
)
SELECT l.* EXCLUDE (created_at, contact_id, company_id, deal_id, first_contacted_at, converted_at, party),
    CAST(coalesce(n.next_at <= n.at + to_days(follow_up_days()), false) AS INTEGER) AS followed,
    today() - l.day < follow_up_days() AS is_young
FROM lead l JOIN numbered n ON n.lead = l.lead AND n.nth = 1 WHERE l.day IS NOT NULL;

-- lead_steps: one row is one lead's way from one stage to the next, on the day of the later; or its wait in the last.
CREATE OR REPLACE TABLE lead_steps AS
WITH touched AS (SELECT t.lead, min(t.at) AS at FROM lead_touches t GROUP BY t.lead),
dated AS (
    SELECT l.*, coalesce(l.first_contacted_at, t.at) AS contacted_at FROM lead l LEFT JOIN touched t ON t.lead = l.lead
),
steps AS (
    SELECT lead, 'created_to_contacted' AS stage_pair, created_at AS from_at, contacted_at AS to_at FROM dated
    UNION ALL SELECT lead, 'contacted_to_qualified', contacted_at, qualified_at FROM dated
    UNION ALL SELECT lead, 'qualified_to_converted', qualified_at, converted_at FROM dated
),
measured AS (
    SELECT s.*, s.to_at IS NULL AS is_open,
        s.stage_pair = 'qualified_to_converted' AND s.to_at = date_trunc('day', s.to_at) AS is_day,
        CASE WHEN is_day THEN CAST(s.to_at AS DATE) ELSE local_day(s.to_at) END AS to_day,
        CASE WHEN is_day THEN 86400000000 * (CAST(s.to_at AS DATE) - local_day(s.from_at))
            ELSE epoch_us(s.to_at) - epoch_us(s.from_at) END AS elapsed
    FROM steps s WHERE s.from_at IS NOT NULL
)
SELECT l.* EXCLUDE (day, created_at, contact_id, company_id, deal_id, first_contacted_at, converted_at, party),
    m.stage_pair, CASE WHEN m.is_open THEN local_day(m.from_at) ELSE m.to_day END AS day,
    CASE WHEN m.elapsed >= 0 THEN m.elapsed END AS microseconds,
    CAST(coalesce(m.elapsed < 0, false) AS INTEGER) AS bad_step,
    CAST(m.is_open AND l.disqualified_at IS NULL AND l.converted_at IS NULL AS INTEGER) AS still_open,
    CAST(m.is_day AND m.elapsed >= 0 AS INTEGER) AS by_day
FROM measured m JOIN lead l ON l.lead = m.lead;

-- stage_entries: one row is one entry of a deal, or of a lead, into a stage that counts: open or won.
CREATE OR REPLACE TABLE stage_entries AS
WITH lead_stages AS (
    SELECT s.connection, s.pipeline_id, s.id, s.sort_order, coalesce(s.is_closed, false) AS is_closed,
        coalesce(s.is_closed AND s.is_won, false) AS is_won
    FROM stages s JOIN pipelines p ON p.connection = s.connection AND p.id = s.pipeline_id
    WHERE p.object IN ('lead', 'leads')
)
SELECT 'deals' AS entity, deal AS record, connection, pipeline_id, stage_key, sort_order, is_closed, entered_at,
    entered_day
FROM visits
WHERE (is_regular OR NOT won) AND sort_order IS NOT NULL AND (is_won OR NOT is_closed)
UNION ALL
SELECT 'leads', l.lead, l.connection, s.pipeline_id, s.id, s.sort_order, s.is_closed, c.changed_at,
    local_day(c.changed_at)
FROM lead_stage_changes c
LEFT JOIN survivors f ON f.entity = 'leads' AND f.connection = c.connection AND f.old_id = c.lead_id
JOIN lead l ON l.connection = c.connection AND l.id = coalesce(f.id, c.lead_id)
JOIN lead_stages s ON s.connection = c.connection AND s.id = c.to_stage
WHERE s.sort_order IS NOT NULL AND (s.is_won OR NOT s.is_closed);

-- open_stages: the stages that one can go on from, with the step of the pipeline that each of them is.
CREATE OR REPLACE TABLE open_stages AS
SELECT s.connection, s.pipeline_id, s.id, s.sort_order,
    CASE WHEN p.object IN ('lead', 'leads') THEN 'leads' ELSE 'deals' END AS entity,
    dense_rank() OVER (PARTITION BY s.connection, s.pipeline_id ORDER BY s.sort_order) AS step
FROM stages s LEFT JOIN pipelines p ON p.connection = s.connection AND p.id = s.pipeline_id
WHERE s.sort_order IS NOT NULL AND NOT coalesce(s.is_closed, false);

-- stage_outcomes: one row is one deal or lead with what became of it: won or converted, lost or disqualified.
CREATE OR REPLACE TABLE stage_outcomes AS
SELECT 'deals' AS entity, deal AS record, connection, id, pipeline_id, won AND is_regular AS is_won,
    closed AND NOT won AS is_lost, close_day
FROM deal
UNION ALL
SELECT 'leads', l.lead, l.connection, l.id, NULL, l.converted_at IS NOT NULL OR o.is_won,
    l.disqualified_at IS NOT NULL, coalesce(local_day(l.converted_at), o.won_day)
FROM lead l JOIN lead_outcomes o ON o.lead = l.lead;

-- strict_steps: when a deal or lead had been in every step of its pipeline up to this one, in their order.
CREATE OR REPLACE TABLE strict_steps AS
WITH RECURSIVE entries AS (
    SELECT e.entity, e.record, e.connection, e.pipeline_id, s.step, e.entered_at FROM stage_entries e
    JOIN open_stages s ON s.connection = e.connection AND s.pipeline_id = e.pipeline_id AND s.id = e.stage_key
    WHERE funnel_mode() = 'strict'
),
steps AS (
    SELECT entity, record, connection, pipeline_id, step, min(entered_at) AS entered_at FROM entries WHERE step = 1
    GROUP BY ALL
    UNION ALL
    SELECT p.entity, p.record, p.connection, p.pipeline_id, e.step, min(e.entered_at) AS entered_at FROM steps p
    JOIN entries e ON e.entity = p.entity AND e.record = p.record AND e.connection = p.connection
        AND e.pipeline_id = p.pipeline_id AND e.step = p.step + 1 AND e.entered_at >= p.entered_at
    GROUP BY p.entity, p.record, p.connection, p.pipeline_id, e.step
)
SELECT * FROM steps;

-- stage_reach: one row is one deal or lead that reached an open stage of a pipeline or one beyond it, on the day that
-- it did; in strict mode one that was in this stage, and before in every step up to it.
CREATE OR REPLACE TABLE stage_reach AS
WITH numbered AS MATERIALIZED (SELECT *, row_number() OVER () AS number FROM open_stages),
entered AS (
    SELECT e.entity = 'leads' AS is_lead, e.record, s.number, e.sort_order > s.sort_order AS is_beyond, e.entered_day
    FROM stage_entries e JOIN numbered s ON s.connection = e.connection AND s.pipeline_id = e.pipeline_id
        AND e.sort_order >= s.sort_order
    WHERE funnel_mode() = 'reached'
),
told_apart AS (
    SELECT is_lead, record, number, min(entered_day) AS day, bool_or(is_beyond) AS onward FROM entered
    GROUP BY is_lead, record, number
),
reached AS (
    SELECT CASE WHEN t.is_lead THEN 'leads' ELSE 'deals' END AS entity, t.record, s.connection, s.pipeline_id,
        s.id AS stage_key, t.day, t.onward
    FROM told_apart t JOIN numbered s ON s.number = t.number
),
all_won AS (
    SELECT o.entity, o.record, s.connection, s.pipeline_id, s.id AS stage_key, o.close_day AS day, true AS onward
    FROM stage_outcomes o JOIN open_stages s ON s.connection = o.connection AND s.pipeline_id = o.pipeline_id
    WHERE funnel_mode() = 'reached' AND o.is_won AND o.close_day IS NOT NULL
),
strict AS (
    SELECT e.entity, e.record, e.connection, e.pipeline_id, e.stage_key, min(e.entered_day) AS day,
        CASE WHEN bool_or(s.step = m.steps) THEN bool_or(o.is_won) ELSE bool_or(n.step IS NOT NULL) END AS onward
    FROM stage_entries e
    JOIN open_stages s ON s.connection = e.connection AND s.pipeline_id = e.pipeline_id AND s.id = e.stage_key
    JOIN strict_steps t ON t.entity = e.entity AND t.record = e.record AND t.connection = e.connection
        AND t.pipeline_id = e.pipeline_id AND t.step = s.step AND e.entered_at >= t.entered_at
    JOIN stage_outcomes o ON o.entity = e.entity AND o.record = e.record
    JOIN (SELECT connection, pipeline_id, max(step) AS steps FROM open_stages GROUP BY ALL) m
        ON m.connection = e.connection AND m.pipeline_id = e.pipeline_id
    LEFT JOIN strict_steps n ON n.entity = e.entity AND n.record = e.record AND n.connection = e.connection
        AND n.pipeline_id = e.pipeline_id AND n.step = s.step + 1
    GROUP BY e.entity, e.record, e.connection, e.pipeline_id, e.stage_key
),
placed AS (
    SELECT * FROM reached
    UNION ALL SELECT * FROM all_won w ANTI JOIN reached r USING (entity, record, pipeline_id, stage_key)
    UNION ALL SELECT * FROM strict
),
judged AS (
    SELECT p.entity, p.record, o.id, p.connection, p.pipeline_id, p.stage_key, p.day,
        p.onward OR funnel_mode() = 'reached' AND o.is_won AS is_onward,
        coalesce(o.pipeline_id <> p.pipeline_id, false) AS is_elsewhere, o.is_lost
    FROM placed p JOIN stage_outcomes o ON o.entity = p.entity AND o.record = p.record
),
told AS (
    SELECT j.*, day_end(j.day) AS at, CAST(is_onward AS INTEGER) AS onward,
        CAST(NOT is_onward AND is_elsewhere AS INTEGER) AS moved,
        CAST(NOT is_onward AND NOT is_elsewhere AND is_lost AS INTEGER) AS dropped,
        CAST(NOT is_onward AND NOT is_elsewhere AND NOT is_lost AS INTEGER) AS staying
    FROM judged j
),
deals_told AS (
    SELECT t.*, d.source, d.source_category, d.country, d.region, d.industry, d.size_band, d.deal_type, d.lost_reason,
        amount_band(converted(d.amount, coalesce(d.fixed_rate, r.rate))) AS deal_size_band,
        CASE WHEN h.deal IS NULL THEN d.owner_id ELSE h.owner_id END AS owner_id
    FROM told t JOIN deal d ON d.deal = t.record
    LEFT JOIN owner_history h ON h.deal = t.record AND t.at >= h.from_at AND t.at < h.to_at
    LEFT JOIN rates r ON r.connection = d.connection AND r.currency = d.currency AND r.day = t.day
    WHERE t.entity = 'deals'
)
SELECT record AS deal, id, connection, day, stage_id(connection, pipeline_id, stage_key) AS stage,
    member_id(connection, pipeline_id) AS pipeline, member_id(connection, owner_id) AS owner, source, source_category,
    country, region, industry, size_band, deal_type, deal_size_band, lost_reason, onward, moved, dropped, staying,
    today() - day AS age
FROM deals_told
UNION ALL BY NAME
SELECT t.id, t.connection, t.day, stage_id(t.connection, t.pipeline_id, t.stage_key) AS stage,
    member_id(t.connection, t.pipeline_id) AS pipeline, l.owner, l.source, l.source_category, l.country, l.region,
    l.industry, l.size_band, '__none__' AS deal_type, '__none__' AS deal_size_band, '__none__' AS lost_reason,
    t.onward, t.moved, t.dropped, t.staying, today() - t.day AS age
FROM told t JOIN lead l ON l.lead = t.record WHERE t.entity = 'leads';

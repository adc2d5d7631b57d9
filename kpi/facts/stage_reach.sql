-- stage_reach: one row is one deal that reached an open stage of a pipeline or one beyond it, on the day that it did.
CREATE OR REPLACE TABLE stage_reach AS
WITH entries AS (
    SELECT deal, connection, pipeline_id, sort_order, entered_day FROM visits
    WHERE (is_regular OR NOT won) AND sort_order IS NOT NULL AND (is_won OR NOT is_closed)
),
entered AS (
    SELECT deal, connection, pipeline_id, sort_order, min(entered_day) AS day FROM entries GROUP BY ALL
),
open_stages AS (
    SELECT connection, pipeline_id, id, sort_order FROM stages
    WHERE sort_order IS NOT NULL AND NOT coalesce(is_closed, false)
),
reached AS (
    SELECT e.deal, s.connection, s.pipeline_id, s.id AS stage_key, min(e.day) AS day,
        bool_or(e.sort_order > s.sort_order) AS onward
    FROM entered e JOIN open_stages s ON s.connection = e.connection AND s.pipeline_id = e.pipeline_id
        AND e.sort_order >= s.sort_order
    GROUP BY ALL
),
all_won AS (
    SELECT d.deal, s.connection, s.pipeline_id, s.id AS stage_key, d.close_day AS day, true AS onward
    FROM deal d JOIN open_stages s ON s.connection = d.connection AND s.pipeline_id = d.pipeline_id
    WHERE d.won AND d.is_regular AND d.close_day IS NOT NULL
),
placed AS (
    SELECT * FROM reached UNION ALL SELECT * FROM all_won w ANTI JOIN reached r USING (deal, pipeline_id, stage_key)
)
SELECT p.deal, p.day, stage_id(p.connection, p.pipeline_id, p.stage_key) AS stage,
    member_id(p.connection, p.pipeline_id) AS pipeline, CAST(p.onward OR d.won AS INTEGER) AS onward
FROM placed p JOIN deal d ON d.deal = p.deal;

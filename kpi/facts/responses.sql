-- responses: one row is one answer to a survey on its day, with what it says: positive, neutral, negative or nobody
-- knows. NPS of 9 and 10 are positive, of 0 to 6 negative; CSAT and reviews count to 5, CES to 7.
CREATE OR REPLACE TABLE responses AS
WITH felt AS (
    SELECT s.*, upper(trim(s.type)) AS kind, lower(trim(s.sentiment)) AS said,
        'company:' || hc.home || ':' || hc.home_id AS company_party, p.party AS person_party,
        ht.home || ':' || ht.home_id AS person, ht.home AS person_connection, ht.home_id AS contact
    FROM survey_responses s
    LEFT JOIN referents hc ON hc.entity = 'companies' AND hc.connection = s.connection AND hc.id = s.company_id
    LEFT JOIN referents ht ON ht.entity = 'contacts' AND ht.connection = s.connection AND ht.id = s.contact_id
    LEFT JOIN people p ON p.connection = ht.home AND p.id = ht.home_id
),
judged AS (
    SELECT *, coalesce(company_party, person_party) AS party, CASE
        WHEN said IN ('positive', 'neutral', 'negative') THEN said
        WHEN kind = 'NPS' THEN CASE WHEN score BETWEEN 9 AND 10 THEN 'positive' WHEN score >= 7 AND score < 9
            THEN 'neutral' WHEN score >= 0 AND score < 7 THEN 'negative' END
        WHEN kind IN ('CSAT', 'REVIEW') THEN CASE WHEN score >= 4 AND score <= 5 THEN 'positive'
            WHEN score >= 3 AND score < 4 THEN 'neutral' WHEN score >= 1 AND score < 3 THEN 'negative' END
        WHEN kind = 'CES' THEN CASE WHEN score >= 5 AND score <= 7 THEN 'positive'
            WHEN score >= 4 AND score < 5 THEN 'neutral' WHEN score >= 1 AND score < 4 THEN 'negative' END
        END AS feeling,
        row_number() OVER (PARTITION BY kind, person, survey_id ORDER BY coalesce(score BETWEEN 0 AND 10, false) DESC,
            responded_at DESC NULLS LAST, id DESC) AS turn
    FROM felt
)
SELECT local_day(j.responded_at) AS day, j.connection, j.id, j.party, j.score, member(j.type) AS survey_type,
    member(j.survey_id) AS survey, coalesce(q.country, '__none__') AS country, coalesce(q.region, '__none__') AS region,
    coalesce(q.industry, '__none__') AS industry, coalesce(q.size_band, '__none__') AS size_band,
    coalesce(q.owner, '__none__') AS owner, coalesce(k.product, '__none__') AS product,
    CAST(j.feeling = 'positive' AS INTEGER) AS positive, CAST(j.feeling = 'negative' AS INTEGER) AS negative,
    CAST(j.feeling IS NOT NULL AS INTEGER) AS known,
    CASE WHEN j.kind = 'NPS' AND j.score >= 0 AND j.score <= 10 AND (j.turn = 1 OR j.person IS NULL
        OR j.survey_id IS NULL) THEN CASE WHEN j.score >= 9 THEN 1 WHEN j.score < 7 THEN -1 ELSE 0 END END AS promotion
FROM judged j
LEFT JOIN parties q ON q.party = j.party
LEFT JOIN customers k ON k.customer = j.party
WHERE j.responded_at IS NOT NULL;

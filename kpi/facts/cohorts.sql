-- talked_prospects: one row is one prospect who was talked to, on the day; `shown` where a demo came within thirty days.
CREATE OR REPLACE TABLE talked_prospects AS
WITH met AS (
    SELECT DISTINCT t.day, t.connection, t.owner, t.team, p.party, t.conversation, t.demo FROM talks t
    JOIN activity_parties p ON p.connection = t.connection AND p.activity_id = t.id
),
spoken AS (SELECT DISTINCT day, connection, owner, team, party FROM met WHERE conversation = 1),
shown AS (SELECT DISTINCT party, day FROM met WHERE demo = 1)
SELECT s.*, coalesce(d.day <= s.day + 30, false) AS is_shown, today() - s.day < 30 AS is_young
FROM spoken s ASOF LEFT JOIN shown d ON d.party = s.party AND s.day <= d.day;

-- touched_wins: one row is one won deal on its close day, with the touchpoints that its customer had had by then.
CREATE OR REPLACE TABLE touched_wins AS
WITH winners AS (SELECT DISTINCT customer FROM closed_deals WHERE won = 1),
by_day AS (
    SELECT customer, day, sum(count(*)) OVER (PARTITION BY customer ORDER BY day) AS touches
    FROM touched SEMI JOIN winners USING (customer) GROUP BY customer, day
)
SELECT c.*, coalesce(b.touches, 0) AS touches
FROM (SELECT * FROM closed_deals WHERE won = 1) c ASOF LEFT JOIN by_day b ON b.customer = c.customer AND c.day >= b.day;

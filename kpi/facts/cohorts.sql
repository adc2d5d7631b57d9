-- talked_prospects: one row is one prospect who was talked to, on the day; `shown` where a demo came within thirty days.
CREATE OR REPLACE TABLE talked_prospects AS
WITH spoken AS (
    SELECT DISTINCT a.day, a.connection, a.owner, a.team, p.number AS party FROM rep_activities a
    JOIN activity_parties p ON p.activity = a.activity WHERE a.conversation = 1
),
shown AS (
    SELECT DISTINCT p.number AS party, a.day FROM rep_activities a
    JOIN activity_parties p ON p.activity = a.activity WHERE a.demo = 1
)
SELECT s.*, coalesce(d.day <= s.day + 30, false) AS is_shown, today() - s.day < 30 AS is_young
FROM spoken s ASOF LEFT JOIN shown d ON d.party = s.party AND s.day <= d.day;

-- touched_wins: one row is one won deal on its close day, with the touchpoints that its customer had had by then.
CREATE OR REPLACE TABLE touched_wins AS
WITH wins AS (
    SELECT c.deal, c.day, n.number FROM closed_deals c JOIN party_numbers n ON n.party = c.customer WHERE c.won = 1
),
by_day AS (
    SELECT customer_number AS number, day,
        sum(count(*)) OVER (PARTITION BY customer_number ORDER BY day) AS touches
    FROM touched WHERE customer_number IN (SELECT number FROM wins) GROUP BY customer_number, day
),
counted AS (SELECT w.deal, b.touches FROM wins w ASOF JOIN by_day b ON b.number = w.number AND w.day >= b.day)
SELECT c.*, coalesce(b.touches, 0) AS touches
FROM closed_deals c LEFT JOIN counted b ON b.deal = c.deal WHERE c.won = 1;

-- rates: what one unit of a currency is worth in the reporting currency, on each day from the first rate on.
CREATE OR REPLACE TABLE rate_steps AS
WITH steps AS (
    SELECT connection, from_currency AS currency, effective_from AS from_day, arg_max(rate, id) AS rate
    FROM exchange_rates
    WHERE to_currency = reporting_currency() AND effective_from IS NOT NULL AND rate IS NOT NULL
    GROUP BY ALL
)
SELECT *, lead(from_day) OVER (PARTITION BY connection, currency ORDER BY from_day) AS to_day FROM steps;

CREATE OR REPLACE TABLE rates AS
SELECT connection, currency, rate, CAST(unnest(generate_series(
    from_day, coalesce(to_day, greatest(from_day, today()) + 3660) - 1, INTERVAL 1 DAY)) AS DATE) AS day
FROM rate_steps;

-- any_rates: the same for rows out of files, whose connection keeps no rates: those of the first one by name.
CREATE OR REPLACE TABLE any_rates AS
SELECT currency, day, arg_min(rate, connection) AS rate FROM rates GROUP BY currency, day;

-- bases: the own currency of each connection's account.
CREATE OR REPLACE TABLE bases AS
SELECT connection, any_value(base_currency) AS base_currency FROM accounts GROUP BY connection;

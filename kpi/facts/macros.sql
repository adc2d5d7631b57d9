-- macros: the words that every fact shares. `local_day`, `day_end`, `today`, `present` and `reporting_currency`
-- come from the engine, because they depend on the settings.
CREATE OR REPLACE MACRO member(value) AS coalesce(nullif(value, ''), '__none__');
CREATE OR REPLACE MACRO member_id(connection, id) AS
    CASE WHEN id IS NULL THEN '__none__' ELSE connection || ':' || id END;
CREATE OR REPLACE MACRO stage_id(connection, pipeline, stage) AS
    CASE WHEN stage IS NULL THEN '__none__' ELSE connection || ':' || coalesce(pipeline, '') || '/' || stage END;
CREATE OR REPLACE MACRO converted(amount, rate) AS
    CASE WHEN rate = 1 THEN amount ELSE CAST(amount * rate AS DECIMAL(38, 6)) END;
CREATE OR REPLACE MACRO amount_band(amount) AS CASE
    WHEN amount IS NULL THEN '__none__'
    WHEN amount < 1000 THEN '< 1k'
    WHEN amount < 5000 THEN '1k - 5k'
    WHEN amount < 20000 THEN '5k - 20k'
    WHEN amount < 100000 THEN '20k - 100k'
    ELSE '100k +' END;
CREATE OR REPLACE MACRO probability_band(probability) AS CASE
    WHEN probability IS NULL THEN '__none__'
    WHEN probability < 0.25 THEN '0 - 25 %'
    WHEN probability < 0.5 THEN '25 - 50 %'
    WHEN probability < 0.75 THEN '50 - 75 %'
    ELSE '75 - 100 %' END;
CREATE OR REPLACE MACRO employees_band(employees) AS CASE
    WHEN employees IS NULL OR employees < 1 THEN NULL
    WHEN employees <= 10 THEN '1-10'
    WHEN employees <= 50 THEN '11-50'
    WHEN employees <= 200 THEN '51-200'
    WHEN employees <= 1000 THEN '201-1000'
    WHEN employees <= 5000 THEN '1001-5000'
    ELSE '5001+' END;
CREATE OR REPLACE MACRO age_band(days) AS CASE
    WHEN days IS NULL THEN '__none__'
    WHEN days <= 30 THEN '0 - 30'
    WHEN days <= 90 THEN '31 - 90'
    WHEN days <= 180 THEN '91 - 180'
    ELSE '181 +' END;
CREATE OR REPLACE MACRO close_date_bucket(close_date, day) AS CASE
    WHEN close_date IS NULL THEN '__none__'
    WHEN close_date < day THEN 'past due'
    WHEN year(close_date) = year(day) AND month(close_date) = month(day) THEN 'this month'
    WHEN year(close_date) = year(day + INTERVAL 1 MONTH) AND month(close_date) = month(day + INTERVAL 1 MONTH)
        THEN 'next month'
    ELSE 'later' END;
-- one of `parts` equal parts of an amount, to the sixth decimal, half away from zero.
CREATE OR REPLACE MACRO one_part(amount, parts) AS sign(amount) * CAST(
    (2 * CAST(abs(amount) * 1000000 AS HUGEINT) + parts) // (2 * parts) AS DECIMAL(38, 0)) * 0.000001::DECIMAL(7, 6);
CREATE OR REPLACE MACRO rate_of(currency, own, other) AS
    CASE WHEN currency IS NOT DISTINCT FROM reporting_currency() THEN CAST(1 AS DECIMAL(38, 6))
    ELSE coalesce(own, other) END;
CREATE OR REPLACE MACRO tenure_band(days) AS CASE
    WHEN days IS NULL OR days < 0 THEN '__none__'
    WHEN days < 90 THEN '0 - 89 days'
    WHEN days < 365 THEN '90 - 364 days'
    WHEN days < 1095 THEN '1 - 3 years'
    ELSE '3 years +' END;

-- histories: values of a deal's fields while they held, from_at <= t < to_at. The first known value holds from ever, so
-- that a missing row means that nothing is known.
CREATE OR REPLACE TABLE field_history AS
SELECT d.deal, c.field, c.new_value AS value, c.changed_at,
    CASE WHEN row_number() OVER one = 1 THEN ever() ELSE c.changed_at END AS from_at,
    coalesce(lead(c.changed_at) OVER one, never()) AS to_at
FROM deal_field_changes c JOIN deal d ON d.connection = c.connection AND d.id = c.deal_id
WINDOW one AS (PARTITION BY d.deal, c.field ORDER BY c.changed_at);

CREATE OR REPLACE TABLE owner_history AS
SELECT deal, from_at, to_at, value AS owner_id FROM field_history WHERE field = 'owner_id';
CREATE OR REPLACE TABLE amount_history AS
SELECT deal, from_at, to_at, changed_at, coalesce(try_cast(value AS DECIMAL(18, 6)), try_cast(value AS DECIMAL(38, 6))) AS amount
FROM field_history WHERE field = 'amount';
CREATE OR REPLACE TABLE forecast_history AS
SELECT deal, from_at, to_at, value AS forecast_category FROM field_history WHERE field = 'forecast_category';
CREATE OR REPLACE TABLE close_date_history AS
SELECT deal, from_at, to_at, try_cast(value AS DATE) AS close_date FROM field_history WHERE field = 'close_date';

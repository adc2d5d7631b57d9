-- customer_deals: one row is one booked deal with how its customer was won: the source and the month of the first win.
CREATE OR REPLACE TABLE customer_deals AS
SELECT c.*, coalesce(k.source, '__none__') AS acquisition_source, coalesce(k.cohort, '__none__') AS cohort
FROM closed_deals c JOIN deal_customer d ON d.deal = c.deal LEFT JOIN customers k ON k.customer = d.customer
WHERE c.booked = 1;

-- From a shop's operational database to its warehouse, continuously: change events are cleaned, joined and delivered exactly once
-- into PostgreSQL, payments into Parquet. All but 'scan.bad-records', which is Mainstem's own, runs on Apache Flink as it stands.
-- ${KAFKA}: bootstrap address   ${BOUNDED}: unbounded or latest-offset   ${JDBC_URL}: PostgreSQL   ${OUT}: folder for files
SET 'pipeline.name' = 'streaming-etl';
-- Debezium may send events again after a restart. With this setting a row counts once: what came last for its primary key.
SET 'table.exec.source.cdc-events-duplicate' = 'true';

-- Extract: change events of two tables, as Debezium's PostgreSQL connector writes them (decimal.handling.mode = string).
CREATE TABLE customers (
  id      BIGINT,
  name    STRING,
  email   STRING,
  country STRING,
  PRIMARY KEY (id) NOT ENFORCED
) WITH (
  'connector' = 'kafka',
  'topic' = 'shop.public.customers',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = '${BOUNDED}',
  'format' = 'debezium-json'
);

CREATE TABLE orders (
  id          BIGINT,
  customer_id BIGINT,
  status      STRING,
  amount      DECIMAL(10, 2),
  ordered_at  BIGINT,          -- microseconds since 1970: Debezium's MicroTimestamp
  PRIMARY KEY (id) NOT ENFORCED
) WITH (
  'connector' = 'kafka',
  'topic' = 'shop.public.orders',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = '${BOUNDED}',
  'format' = 'debezium-json',
  'scan.bad-records' = 'quarantine',      -- what cannot be decoded is kept aside, with its bytes and the cause ..
  'scan.bad-records.max' = '1000'         -- .. but if it is much, something else is wrong
);

-- Payments come from the payment provider's callbacks, each at least once.
CREATE TABLE payments (
  payment_id STRING,
  order_id   BIGINT,
  amount     DECIMAL(10, 2),
  paid_at    TIMESTAMP(3),
  pt         AS PROCTIME()
) WITH (
  'connector' = 'kafka',
  'topic' = 'payments',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = '${BOUNDED}',
  'format' = 'json'
);

-- Transform. Texts as people type them become texts that can be compared.
CREATE VIEW clean_customers AS
SELECT
  id,
  TRIM(REGEXP_REPLACE(name, '\s+', ' ')) AS name,
  CASE WHEN email LIKE '%_@_%._%' THEN LOWER(TRIM(email)) END AS email,
  CASE UPPER(TRIM(country)) WHEN 'GERMANY' THEN 'DE' WHEN 'FRANCE' THEN 'FR' WHEN '' THEN NULL ELSE UPPER(TRIM(country)) END AS country
FROM customers;

-- Orders with their customer as he is today; computed once for both tables below.
CREATE VIEW customer_orders AS
SELECT o.id, TO_TIMESTAMP_LTZ(o.ordered_at / 1000, 3) AS ordered_at, o.status, o.amount, c.name, c.email, c.country
FROM orders AS o
LEFT JOIN clean_customers AS c ON o.customer_id = c.id;

-- The first of equal payments. By processing time that never changes later, so it can go into files.
CREATE VIEW payments_once AS
SELECT payment_id, order_id, amount, paid_at
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY payment_id ORDER BY pt) AS copy FROM payments)
WHERE copy = 1;

-- Load. An order, its customer and what was paid for it: a row that follows every change of the three, and goes when the order is
-- deleted.
CREATE TABLE order_facts (
  order_id   BIGINT,
  ordered_at TIMESTAMP_LTZ(3),
  status     STRING,
  customer   STRING,
  email      STRING,
  country    STRING,
  amount     DECIMAL(10, 2),
  paid       DECIMAL(38, 2),
  payments   BIGINT,
  PRIMARY KEY (order_id) NOT ENFORCED
) WITH (
  -- A row that PostgreSQL refuses (a status that its CHECK does not know) goes to the quarantine, all others arrive.
  'connector' = 'jdbc', 'url' = '${JDBC_URL}', 'table-name' = 'order_facts', 'username' = 'postgres'
);

CREATE TABLE revenue_by_country (
  country STRING,
  orders  BIGINT,
  revenue DECIMAL(38, 2),
  PRIMARY KEY (country) NOT ENFORCED
) WITH (
  'connector' = 'jdbc', 'url' = '${JDBC_URL}', 'table-name' = 'revenue_by_country', 'username' = 'postgres'
);

CREATE TABLE payment_archive (
  payment_id STRING,
  order_id   BIGINT,
  amount     DECIMAL(10, 2),
  paid_at    TIMESTAMP(3),
  paid_on    STRING
) PARTITIONED BY (paid_on) WITH (
  'connector' = 'filesystem', 'path' = '${OUT}/payments', 'format' = 'parquet', 'sink.rolling-policy.rollover-interval' = '1 min'
);

EXECUTE STATEMENT SET
BEGIN

INSERT INTO order_facts
SELECT o.id, o.ordered_at, o.status, o.name, o.email, o.country, o.amount, COALESCE(p.paid, 0), COALESCE(p.payments, 0)
FROM customer_orders AS o
LEFT JOIN (SELECT order_id, SUM(amount) AS paid, COUNT(*) AS payments FROM payments_once GROUP BY order_id) AS p ON o.id = p.order_id;

-- A customer who moves takes his revenue with him: it is taken back from one country and added to the other.
INSERT INTO revenue_by_country
SELECT COALESCE(country, 'unknown'), COUNT(*), SUM(amount)
FROM customer_orders
WHERE status IN ('paid', 'shipped')
GROUP BY COALESCE(country, 'unknown');

INSERT INTO payment_archive
SELECT payment_id, order_id, amount, paid_at, DATE_FORMAT(paid_at, 'yyyy-MM-dd') FROM payments_once;

END;

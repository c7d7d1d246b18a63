-- Orders that a web service posts by HTTP are decided on and answered: enriched by a look-up in PostgreSQL, and followed by other
-- services as server-sent events. The same file runs on Apache Flink.
-- ${KAFKA}: bootstrap address   ${BOUNDED}: unbounded or latest-offset   ${JDBC_URL}: PostgreSQL
SET 'pipeline.name' = 'api-integration';

-- POST /v1/topics/orders/events writes here; any Kafka client may, too.
CREATE TABLE orders (
  order_id    STRING,
  customer_id BIGINT,
  amount      DECIMAL(10, 2),
  note        STRING,
  pt          AS PROCTIME()        -- look-ups ask for what is true now
) WITH (
  'connector' = 'kafka',
  'topic' = 'orders',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = '${BOUNDED}',
  'format' = 'json'
);

-- A table of another service. It is not copied: rows are asked for by key, and remembered for a minute.
CREATE TABLE customers (
  id           BIGINT,
  name         STRING,
  email        STRING,
  tier         STRING,
  credit_limit DECIMAL(10, 2),
  blocked      BOOLEAN,
  PRIMARY KEY (id) NOT ENFORCED
) WITH (
  'connector' = 'jdbc', 'url' = '${JDBC_URL}', 'table-name' = 'customers', 'username' = 'postgres',
  'lookup.cache' = 'PARTIAL',
  'lookup.partial-cache.max-rows' = '10000',
  'lookup.partial-cache.expire-after-write' = '1 min',
  'lookup.partial-cache.cache-missing-key' = 'false'   -- a customer who has just signed up is found at once
);

CREATE VIEW decided AS
SELECT o.order_id, o.customer_id, o.amount, c.name, c.email, COALESCE(c.tier, 'none') AS tier,
       CASE
         WHEN c.id IS NULL THEN 'rejected'
         WHEN c.blocked THEN 'rejected'
         WHEN o.amount > c.credit_limit AND c.tier <> 'gold' THEN 'review'
         ELSE 'accepted'
       END AS decision,
       CASE
         WHEN c.id IS NULL THEN 'no such customer'
         WHEN c.blocked THEN 'customer is blocked'
         WHEN o.amount > c.credit_limit AND c.tier <> 'gold' THEN 'above the limit of ' || CAST(c.credit_limit AS STRING)
       END AS reason
FROM orders AS o
LEFT JOIN customers FOR SYSTEM_TIME AS OF o.pt AS c ON o.customer_id = c.id;

-- GET /v1/topics/order-decisions/events follows this one: the shop, the warehouse.
CREATE TABLE order_decisions (
  order_id STRING, decision STRING, reason STRING, customer_id BIGINT, tier STRING, amount DECIMAL(10, 2)
) WITH (
  'connector' = 'kafka', 'topic' = 'order-decisions', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json',
  'key.format' = 'raw', 'key.fields' = 'order_id'
);

-- The mail service follows this one: only what a person is to be told, with all that the mail needs.
CREATE TABLE mails (
  recipient STRING, subject STRING, body STRING
) WITH (
  'connector' = 'kafka', 'topic' = 'mails', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json'
);

EXECUTE STATEMENT SET
BEGIN

INSERT INTO order_decisions SELECT order_id, decision, reason, customer_id, tier, amount FROM decided;

INSERT INTO mails
SELECT email,
       CASE decision WHEN 'accepted' THEN 'Your order ' || order_id WHEN 'review' THEN 'We look at your order ' || order_id
                     ELSE 'We cannot take your order ' || order_id END,
       'Dear ' || name || ', your order of ' || CAST(amount AS STRING) || ' EUR is ' ||
       CASE decision WHEN 'accepted' THEN 'on its way' WHEN 'review' THEN 'being looked at' ELSE 'not possible' END ||
       COALESCE(': ' || reason, '') || '.'
FROM decided
WHERE email IS NOT NULL;

END;

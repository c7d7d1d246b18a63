-- Card payments, judged while they happen: cards that are tried out, cards that are in two places, cards that are emptied.
-- The same file runs on Apache Flink.
-- ${KAFKA}: bootstrap address   ${BOUNDED}: unbounded or latest-offset
SET 'pipeline.name' = 'fraud-detection';
SET 'table.exec.source.idle-timeout' = '5 s';   -- rules rarely change: they must not hold back the payments

CREATE TABLE payments (
  payment_id   STRING,
  card         STRING,
  card_class   STRING,           -- debit, credit, business
  amount       DECIMAL(10, 2),
  merchant     STRING,
  card_present BOOLEAN,          -- FALSE: online, the place says nothing
  lat          DOUBLE,           -- of the terminal
  lon          DOUBLE,
  ts           TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '30' SECOND   -- terminals are up to half a minute late
) WITH (
  'connector' = 'kafka',
  'topic' = 'payments',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = '${BOUNDED}',
  'format' = 'json'
);

-- What counts as suspicious, for each class of cards. A compacted topic: to change a rule, write its key again. With a primary
-- key and a watermark it is a versioned table, so a payment is judged by the rule that was valid when it was made.
CREATE TABLE card_rules (
  card_class      STRING,
  test_charge_max DECIMAL(10, 2),   -- a charge that only tries whether the card works
  big_charge_min  DECIMAL(10, 2),
  hourly_limit    DECIMAL(10, 2),
  max_speed_kmh   INT,              -- faster than that nobody travels
  valid_from      TIMESTAMP(3),
  PRIMARY KEY (card_class) NOT ENFORCED,
  WATERMARK FOR valid_from AS valid_from
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'card-rules',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.bounded.mode' = '${BOUNDED}',
  'key.format' = 'json',
  'value.format' = 'json'
);

-- Every payment with the rule of its moment. ts stays the event time.
CREATE VIEW judged AS
SELECT p.payment_id, p.card, p.amount, p.merchant, p.card_present, p.lat, p.lon, p.ts,
       r.test_charge_max, r.big_charge_min, r.hourly_limit, r.max_speed_kmh
FROM payments AS p
JOIN card_rules FOR SYSTEM_TIME AS OF p.ts AS r ON p.card_class = r.card_class;

-- 1. Three or more tiny charges one after the other, then a big one, all within ten minutes: a stolen number that was tried out.
CREATE VIEW card_testing AS
SELECT at_time, card, payment_id, amount,
       CAST(probes AS STRING) || ' test charges, then a big one at ' || merchant AS reason
FROM judged
MATCH_RECOGNIZE (
  PARTITION BY card
  ORDER BY ts
  MEASURES
    COUNT(probe.payment_id) AS probes,
    big.ts                  AS at_time,
    big.payment_id          AS payment_id,
    big.amount              AS amount,
    big.merchant            AS merchant
  ONE ROW PER MATCH
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (probe{3,} big) WITHIN INTERVAL '10' MINUTE
  DEFINE
    probe AS probe.amount <= probe.test_charge_max,
    big   AS big.amount >= big.big_charge_min
);

-- 2. Two payments at terminals that are too far from each other for the time between them: a copied card.
--    Distance on a sphere made flat, exact to a few per cent: 111.2 km for a degree, less towards the poles for one of longitude.
CREATE VIEW impossible_travel AS
SELECT at_time, card, payment_id, amount, CAST(km AS STRING) || ' km in ' || CAST(minutes AS STRING) || ' min' AS reason
FROM (SELECT * FROM judged WHERE card_present)
MATCH_RECOGNIZE (
  PARTITION BY card
  ORDER BY ts
  MEASURES
    there.ts         AS at_time,
    there.payment_id AS payment_id,
    there.amount     AS amount,
    CAST(FLOOR(111.2 * SQRT(POWER(there.lat - here.lat, 2)
                          + POWER((there.lon - here.lon) * COS(RADIANS(here.lat)), 2))) AS INT) AS km,
    TIMESTAMPDIFF(MINUTE, here.ts, there.ts) AS minutes
  ONE ROW PER MATCH
  AFTER MATCH SKIP TO NEXT ROW    -- the second place may be the first of the next pair
  PATTERN (here there) WITHIN INTERVAL '12' HOUR
  DEFINE
    there AS 111.2 * SQRT(POWER(there.lat - here.lat, 2) + POWER((there.lon - here.lon) * COS(RADIANS(here.lat)), 2))
             > there.max_speed_kmh * (TIMESTAMPDIFF(SECOND, here.ts, there.ts) + 60) / 3600e0
);

-- 3. More spent in the last hour than the rule allows; only the payment that goes over the limit, not all that follow.
CREATE VIEW spending_sprees AS
SELECT ts AS at_time, card, payment_id, amount, CAST(spent AS STRING) || ' in an hour, in ' || CAST(payments AS STRING) || ' payments' AS reason
FROM (
  SELECT ts, card, payment_id, amount, hourly_limit, SUM(amount) OVER last_hour AS spent, COUNT(*) OVER last_hour AS payments
  FROM judged
  WINDOW last_hour AS (PARTITION BY card ORDER BY ts RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW)
)
WHERE spent > hourly_limit AND spent - amount <= hourly_limit;

-- Alerts, for those who look into them.
CREATE TABLE fraud_alerts (
  at_time    TIMESTAMP(3),
  rule       STRING,
  card       STRING,
  payment_id STRING,
  amount     DECIMAL(10, 2),
  reason     STRING
) WITH (
  'connector' = 'kafka', 'topic' = 'fraud-alerts', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json',
  'key.format' = 'json', 'key.fields' = 'card'
);

-- The state of each card, for the service that authorises payments: a compacted topic that it keeps in memory.
CREATE TABLE suspected_cards (
  card        STRING,
  alerts      BIGINT,
  first_alert TIMESTAMP(3),
  last_alert  TIMESTAMP(3),
  PRIMARY KEY (card) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka', 'topic' = 'suspected-cards', 'properties.bootstrap.servers' = '${KAFKA}',
  'key.format' = 'json', 'value.format' = 'json'
);

CREATE VIEW alerts AS
SELECT at_time, 'card-testing' AS rule, card, payment_id, amount, reason FROM card_testing
UNION ALL
SELECT at_time, 'impossible-travel', card, payment_id, amount, reason FROM impossible_travel
UNION ALL
SELECT at_time, 'spending-spree', card, payment_id, amount, reason FROM spending_sprees;

EXECUTE STATEMENT SET
BEGIN

INSERT INTO fraud_alerts SELECT at_time, rule, card, payment_id, amount, reason FROM alerts;

INSERT INTO suspected_cards SELECT card, COUNT(*), MIN(at_time), MAX(at_time) FROM alerts GROUP BY card;

END;

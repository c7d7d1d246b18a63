-- Clicks of a small shop, from a topic to a database, a file lake and two topics. The same file runs on Apache Flink.
-- ${KAFKA}: bootstrap address   ${BOUNDED}: unbounded or latest-offset   ${JDBC_URL}: PostgreSQL   ${OUT}: folder for files
SET 'pipeline.name' = 'clickstream';
SET 'table.exec.source.idle-timeout' = '5 s';

CREATE TABLE clicks (
  event_id STRING,
  session  STRING,
  type     STRING,           -- view, cart, order
  page     STRING,
  product  STRING,
  amount   DECIMAL(10, 2),   -- of an order
  status   INT,              -- as the shop's server answered
  ts       TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = 'clicks',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = '${BOUNDED}',
  'format' = 'json'
);

-- 1. Page views per minute, in PostgreSQL.
CREATE TABLE page_views (
  at_minute TIMESTAMP(3),
  page     STRING,
  view_count BIGINT,
  visitors BIGINT,
  PRIMARY KEY (at_minute, page) NOT ENFORCED
) WITH (
  'connector' = 'jdbc', 'url' = '${JDBC_URL}', 'table-name' = 'page_views', 'username' = 'postgres'
);

-- 2. How many clicks of each kind there were so far, always up to date, in PostgreSQL.
CREATE TABLE click_totals (
  type    STRING,
  clicks  BIGINT,
  revenue DECIMAL(38, 2),
  PRIMARY KEY (type) NOT ENFORCED
) WITH (
  'connector' = 'jdbc', 'url' = '${JDBC_URL}', 'table-name' = 'click_totals', 'username' = 'postgres'
);

-- 3. The funnel of each ten seconds, in a topic that the console and the shop page draw live.
CREATE TABLE funnel (
  window_start TIMESTAMP(3),
  window_end   TIMESTAMP(3),
  viewers      BIGINT,
  carts        BIGINT,
  orders       BIGINT,
  revenue      DECIMAL(38, 2)
) WITH (
  'connector' = 'kafka', 'topic' = 'funnel', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json'
);

-- 4. Pages that fail often within ten seconds, in a topic.
CREATE TABLE error_bursts (
  window_start TIMESTAMP(3),
  page         STRING,
  errors       BIGINT,
  requests     BIGINT
) WITH (
  'connector' = 'kafka', 'topic' = 'error-bursts', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json'
);

-- 5. Every click, in Parquet files.
CREATE TABLE archive (
  event_id STRING, session STRING, type STRING, page STRING, product STRING, amount DECIMAL(10, 2), status INT, ts TIMESTAMP(3)
) WITH (
  'connector' = 'filesystem', 'path' = '${OUT}/clicks', 'format' = 'parquet',
  'sink.rolling-policy.rollover-interval' = '1 min'
);

EXECUTE STATEMENT SET
BEGIN

INSERT INTO page_views
SELECT window_start, page, COUNT(*), COUNT(DISTINCT session)
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
WHERE type = 'view'
GROUP BY window_start, window_end, page;

INSERT INTO click_totals
SELECT type, COUNT(*), SUM(amount)
FROM clicks
GROUP BY type;

INSERT INTO funnel
SELECT window_start, window_end,
  COUNT(DISTINCT session) FILTER (WHERE type = 'view'),
  COUNT(DISTINCT session) FILTER (WHERE type = 'cart'),
  COUNT(DISTINCT session) FILTER (WHERE type = 'order'),
  COALESCE(SUM(amount), 0)
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end;

INSERT INTO error_bursts
SELECT window_start, page, COUNT(*) FILTER (WHERE status >= 500), COUNT(*)
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, page
HAVING COUNT(*) FILTER (WHERE status >= 500) >= 5;

INSERT INTO archive
SELECT event_id, session, type, page, product, amount, status, ts FROM clicks;

END;

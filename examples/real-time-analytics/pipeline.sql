-- The figures of a shop's day while it happens: totals since midnight each minute, sums over every combination of country and
-- category, and the best sellers. The same file runs on Apache Flink.
-- ${KAFKA}: bootstrap address   ${BOUNDED}: unbounded or latest-offset   ${JDBC_URL}: PostgreSQL
SET 'pipeline.name' = 'real-time-analytics';
SET 'table.exec.source.idle-timeout' = '10 s';

CREATE TABLE sales (
  order_id STRING,
  buyer    STRING,
  country  STRING,
  category STRING,
  product  STRING,
  channel  STRING,           -- web, mobile
  amount   DECIMAL(10, 2),
  ts       TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '20' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = 'sales',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = '${BOUNDED}',
  'format' = 'json'
);

-- 1. The day so far, a row for each minute. A cumulating window begins at midnight and grows by a minute until the next midnight,
--    so COUNT(DISTINCT) is right at every point of the curve: sums of minutes would count a buyer who comes twice, twice.
CREATE TABLE kpi_today (
  day_start    TIMESTAMP(3),
  until_time   TIMESTAMP(3),
  orders       BIGINT,
  revenue      DECIMAL(38, 2),
  buyers       BIGINT,
  mobile_share DECIMAL(6, 4),
  PRIMARY KEY (day_start, until_time) NOT ENFORCED
) WITH (
  'connector' = 'jdbc', 'url' = '${JDBC_URL}', 'table-name' = 'kpi_today', 'username' = 'postgres'
);

-- 2. Five minutes by country and category, by each alone, and in all: one pass over the sales. Into a topic: each row comes once.
CREATE TABLE sales_cube (
  window_start TIMESTAMP(3),
  country      STRING,        -- or 'all'
  category     STRING,        -- or 'all'
  orders       BIGINT,
  revenue      DECIMAL(38, 2),
  buyers       BIGINT
) WITH (
  'connector' = 'kafka', 'topic' = 'sales-cube', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json'
);

-- 3. The three best sellers of each category in five minutes, in a topic.
CREATE TABLE best_sellers (
  window_start TIMESTAMP(3),
  category     STRING,
  place        BIGINT,
  product      STRING,
  revenue      DECIMAL(38, 2),
  orders       BIGINT
) WITH (
  'connector' = 'kafka', 'topic' = 'best-sellers', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json'
);

-- 4. What is up: revenue of each country in the last five minutes against the five minutes before, in a topic.
CREATE TABLE trends (
  window_start TIMESTAMP(3),
  country      STRING,
  revenue      DECIMAL(38, 2),
  before       DECIMAL(38, 2),
  change_pct   INT
) WITH (
  'connector' = 'kafka', 'topic' = 'trends', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json'
);

EXECUTE STATEMENT SET
BEGIN

INSERT INTO kpi_today
SELECT window_start, window_end, COUNT(*), SUM(amount), COUNT(DISTINCT buyer),
       CAST(COUNT(*) FILTER (WHERE channel = 'mobile') AS DECIMAL(18, 4)) / COUNT(*)
FROM TABLE(CUMULATE(TABLE sales, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '1' DAY))
GROUP BY window_start, window_end;

-- GROUPING tells the NULL of "all countries" from the NULL of a sale without a country.
INSERT INTO sales_cube
SELECT window_start,
       CASE WHEN GROUPING(country) = 1 THEN 'all' ELSE COALESCE(country, 'unknown') END,
       CASE WHEN GROUPING(category) = 1 THEN 'all' ELSE category END,
       COUNT(*), SUM(amount), COUNT(DISTINCT buyer)
FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(ts), INTERVAL '5' MINUTE))
GROUP BY window_start, window_end, GROUPING SETS ((country, category), (country), (category), ());

INSERT INTO best_sellers
SELECT window_start, category, place, product, revenue, orders
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, category ORDER BY revenue DESC, product) AS place
  FROM (
    SELECT window_start, window_end, category, product, SUM(amount) AS revenue, COUNT(*) AS orders
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(ts), INTERVAL '5' MINUTE))
    GROUP BY window_start, window_end, category, product
  )
)
WHERE place <= 3;

-- LAG over windows: window_time is their event time. 'before' may be an older window when a country sold nothing in between.
INSERT INTO trends
SELECT window_start, country, revenue, before, CAST((revenue - before) * 100 / before AS INT)
FROM (
  SELECT window_start, country, revenue, LAG(revenue) OVER (PARTITION BY country ORDER BY at_time) AS before
  FROM (
    SELECT window_start, window_time AS at_time, country, SUM(amount) AS revenue
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(ts), INTERVAL '5' MINUTE))
    WHERE country IS NOT NULL
    GROUP BY window_start, window_end, window_time, country
  )
)
WHERE before > 0;

END;

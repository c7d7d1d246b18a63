-- A web server's access log (combined format): requests and bytes per hour and status, top pages, robots against people.
-- All but the format 'regex' and 'scan.bad-records', which are Mainstem's own, runs on Apache Flink as it stands.
-- ${LOG}: the file, plain or .gz   ${KAFKA}: bootstrap address   ${OUT}: folder for files
SET 'pipeline.name' = 'access-log';
SET 'table.local-time-zone' = 'UTC';

CREATE TABLE requests (
  ip       STRING,
  ts       TIMESTAMP_LTZ(3),
  `method` STRING,
  path     STRING,
  status   INT,
  sent     BIGINT,   -- bytes; '-' when there were none
  agent    STRING,
  page     AS SPLIT_INDEX(path, '?', 0),
  visitor  AS CASE
    WHEN agent IS NULL THEN 'unknown'
    WHEN LOWER(agent) LIKE '%bot%' OR LOWER(agent) LIKE '%crawl%' OR LOWER(agent) LIKE '%spider%' OR LOWER(agent) LIKE '%slurp%'
      OR LOWER(agent) LIKE '%feed%' OR LOWER(agent) LIKE '%curl%' OR LOWER(agent) LIKE '%wget%' THEN 'robot'
    ELSE 'person' END,
  WATERMARK FOR ts AS ts - INTERVAL '1' HOUR   -- servers write a request when it ends: lines are a little out of order
) WITH (
  'connector' = 'filesystem',
  'path' = '${LOG}',
  'format' = 'regex',
  -- Text in quotes may hold \" and, in the place of a request, anything that somebody sent to the port: then there is no method and path.
  'regex.pattern' = '(?<ip>\S+) .*?\[(?<ts>[^\]]+)\] "(?:(?<method>[A-Z]+) (?<path>(?:[^\s"\\]|\\.)+)(?:[^"\\]|\\.)*|(?:[^"\\]|\\.)*)" (?<status>\d+) (?<sent>\S+)(?: "(?:[^"\\]|\\.)*" "(?<agent>(?:[^"\\]|\\.)*)"?)?.*',
  'regex.timestamp-format' = 'dd/MMM/yyyy:HH:mm:ss Z',
  'regex.null-literal' = '-',
  -- A line that is none of an access log is kept aside; many of them mean that the file is something else.
  'scan.bad-records' = 'quarantine',
  'scan.bad-records.max' = '1000'
);

-- 1. Into a topic.
CREATE TABLE requests_per_hour (
  hour_start TIMESTAMP(3),
  status     INT,
  requests   BIGINT,
  bytes_sent BIGINT
) WITH (
  'connector' = 'kafka', 'topic' = 'requests-per-hour', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json'
);

-- 2. Into Parquet files.
CREATE TABLE top_pages (
  day_start TIMESTAMP(3),
  page      STRING,
  requests  BIGINT,
  visitors  BIGINT
) WITH (
  'connector' = 'filesystem', 'path' = '${OUT}/top-pages', 'format' = 'parquet'
);

-- 3. Into a topic, and on the screen of the node.
CREATE TABLE visitors (
  day_start TIMESTAMP(3),
  visitor   STRING,
  requests  BIGINT,
  addresses BIGINT,
  bytes_sent BIGINT
) WITH (
  'connector' = 'kafka', 'topic' = 'visitors', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json'
);
CREATE TABLE screen (
  day_start TIMESTAMP(3),
  visitor   STRING,
  requests  BIGINT
) WITH ('connector' = 'print');

EXECUTE STATEMENT SET
BEGIN

INSERT INTO requests_per_hour
SELECT window_start, status, COUNT(*), SUM(sent)
FROM TABLE(TUMBLE(TABLE requests, DESCRIPTOR(ts), INTERVAL '1' HOUR))
GROUP BY window_start, window_end, status;

INSERT INTO top_pages
SELECT window_start, page, COUNT(*), COUNT(DISTINCT ip)
FROM TABLE(TUMBLE(TABLE requests, DESCRIPTOR(ts), INTERVAL '1' DAY))
WHERE `method` = 'GET' AND status = 200
GROUP BY window_start, window_end, page
HAVING COUNT(*) >= 10;

INSERT INTO visitors
SELECT window_start, visitor, COUNT(*), COUNT(DISTINCT ip), SUM(sent)
FROM TABLE(TUMBLE(TABLE requests, DESCRIPTOR(ts), INTERVAL '1' DAY))
GROUP BY window_start, window_end, visitor;

INSERT INTO screen
SELECT window_start, visitor, COUNT(*)
FROM TABLE(TUMBLE(TABLE requests, DESCRIPTOR(ts), INTERVAL '1' DAY))
GROUP BY window_start, window_end, visitor;

END;

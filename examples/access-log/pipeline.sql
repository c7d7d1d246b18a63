-- Any access log in the combined format: requests and bytes per hour and status, pages, robots against people.
--   mainstem run examples/access-log/pipeline.sql -D LOG=access.log.gz -D OUT=results
-- ${LOG}: file, folder or pattern (plain, .gz or .zst)   ${OUT}: folder for the results
-- The format `regex` is Mainstem's own; everything else runs on Apache Flink unchanged.
SET 'pipeline.name' = 'access-log';

CREATE TABLE access_log (
  host     STRING,
  `time`   TIMESTAMP_LTZ(3),
  `method` STRING,
  path     STRING,
  status   INT,
  bytes    BIGINT,           -- NULL where the log says -
  referrer STRING,
  agent    STRING,
  WATERMARK FOR `time` AS `time` - INTERVAL '1' DAY
) WITH (
  'connector' = 'filesystem',
  'path' = '${LOG}',
  'format' = 'regex',
  'regex.pattern' = '^(?P<host>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "(?P<method>\S+) (?P<path>\S+)[^"]*" (?P<status>\d{3}) (?P<bytes>\d+|-)(?: "(?P<referrer>[^"]*)" "(?P<agent>.*)"?)?\s*$',
  'regex.timestamp-format' = '%d/%b/%Y:%H:%M:%S %z'
);

CREATE TABLE hourly (
  hour_start TIMESTAMP(3), status INT, requests BIGINT, bytes BIGINT
) WITH ('connector' = 'filesystem', 'path' = '${OUT}/hourly', 'format' = 'parquet');

CREATE TABLE pages (
  path STRING, requests BIGINT, visitors BIGINT, PRIMARY KEY (path) NOT ENFORCED
) WITH ('connector' = 'filesystem', 'path' = '${OUT}/pages', 'format' = 'debezium-json');

CREATE TABLE audience (
  who STRING, requests BIGINT, bytes BIGINT, PRIMARY KEY (who) NOT ENFORCED
) WITH ('connector' = 'filesystem', 'path' = '${OUT}/audience', 'format' = 'debezium-json');

SET 'table.local-time-zone' = 'UTC';

EXECUTE STATEMENT SET
BEGIN

INSERT INTO hourly
SELECT window_start, status, COUNT(*), SUM(bytes)
FROM TABLE(TUMBLE(TABLE access_log, DESCRIPTOR(`time`), INTERVAL '1' HOUR))
GROUP BY window_start, window_end, status;

INSERT INTO pages
SELECT path, COUNT(*), COUNT(DISTINCT host)
FROM access_log
WHERE status = 200 AND `method` = 'GET'
GROUP BY path;

INSERT INTO audience
SELECT who, COUNT(*), SUM(bytes)
FROM (
  SELECT bytes, CASE WHEN REGEXP(LOWER(agent), 'bot|crawl|spider|slurp|feed|monitor') THEN 'robots' ELSE 'people' END AS who
  FROM access_log
)
GROUP BY who;

END;

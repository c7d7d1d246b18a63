-- Sensors in cold stores, server rooms and greenhouses: what is too warm, what has fallen silent, and a small archive of it all.
-- The same file runs on Apache Flink.
-- ${KAFKA}: bootstrap address   ${BOUNDED}: unbounded or latest-offset   ${OUT}: folder for files
SET 'pipeline.name' = 'iot-devices';
SET 'table.exec.source.idle-timeout' = '30 s';   -- a partition whose devices are all silent must not hold back the others

-- The key of the topic is the device: its readings are in one partition, and each partition has a watermark of its own, so a site
-- with a slow line does not make the readings of another one late.
CREATE TABLE readings (
  device_id   STRING,
  temperature DECIMAL(5, 2),
  battery     INT,             -- per cent
  ts          TIMESTAMP(3),    -- the device's clock, when it measured
  WATERMARK FOR ts AS ts - INTERVAL '1' MINUTE   -- radio is slow: readings come up to a minute late and in any order
) WITH (
  'connector' = 'kafka',
  'topic' = 'readings',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = '${BOUNDED}',
  'format' = 'json'
);

-- The register of devices, a compacted topic: write a key again to move a device or to set another threshold from a moment on.
CREATE TABLE devices (
  device_id       STRING,
  site            STRING,
  max_temperature DECIMAL(5, 2),
  valid_from      TIMESTAMP(3),
  PRIMARY KEY (device_id) NOT ENFORCED,
  WATERMARK FOR valid_from AS valid_from
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'devices',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.bounded.mode' = '${BOUNDED}',
  'key.format' = 'json',
  'value.format' = 'json'
);

-- 1. Too warm. One reading may be a door that was opened: the mean of five minutes counts, looked at each minute. window_time is
--    the event time of a window, with it the threshold of that moment is found.
CREATE VIEW five_minutes AS
SELECT w.at_time, w.device_id, d.site, w.mean, d.max_temperature, w.mean > d.max_temperature AS hot
FROM (
  SELECT device_id, window_time AS at_time, AVG(temperature) AS mean
  FROM TABLE(HOP(TABLE readings, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE))
  GROUP BY device_id, window_start, window_end, window_time
) AS w
JOIN devices FOR SYSTEM_TIME AS OF w.at_time AS d ON w.device_id = d.device_id;

CREATE TABLE temperature_alarms (
  at_time         TIMESTAMP(3),
  device_id       STRING,
  site            STRING,
  alarm           STRING,          -- raised, cleared
  mean            DECIMAL(6, 2),
  max_temperature DECIMAL(5, 2)
) WITH (
  'connector' = 'kafka', 'topic' = 'temperature-alarms', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json',
  'key.format' = 'json', 'key.fields' = 'device_id'
);

-- 2. Silent. A session is a time in which the device was never silent for more than three minutes; it ends when that has happened.
CREATE TABLE silent_devices (
  device_id     STRING,
  online_since  TIMESTAMP(3),
  last_reading  TIMESTAMP(3),
  readings      BIGINT,
  battery       INT             -- the lowest: an empty one is why devices mostly fall silent
) WITH (
  'connector' = 'kafka', 'topic' = 'silent-devices', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json',
  'key.format' = 'json', 'key.fields' = 'device_id'
);

-- 3. Back again: the gap in a device's readings, known when it ends.
CREATE TABLE gaps (
  device_id STRING,
  gap_from  TIMESTAMP(3),
  gap_to    TIMESTAMP(3),
  seconds   INT
) WITH (
  'connector' = 'kafka', 'topic' = 'gaps', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json',
  'key.format' = 'json', 'key.fields' = 'device_id'
);

-- 4. The archive: a row for each device and minute, in a folder for each site.
CREATE TABLE minutes (
  device_id STRING,
  at_minute TIMESTAMP(3),
  readings  BIGINT,
  coldest   DECIMAL(5, 2),
  mean      DECIMAL(6, 2),
  warmest   DECIMAL(5, 2),
  site      STRING
) PARTITIONED BY (site) WITH (
  'connector' = 'filesystem', 'path' = '${OUT}/minutes', 'format' = 'parquet', 'sink.rolling-policy.rollover-interval' = '5 min'
);

EXECUTE STATEMENT SET
BEGIN

-- Only changes: LAG is what the window before said about the same device.
INSERT INTO temperature_alarms
SELECT at_time, device_id, site, CASE WHEN hot THEN 'raised' ELSE 'cleared' END, CAST(mean AS DECIMAL(6, 2)), max_temperature
FROM (
  SELECT *, LAG(hot, 1, FALSE) OVER (PARTITION BY device_id ORDER BY at_time) AS was_hot
  FROM five_minutes
)
WHERE hot <> was_hot;

INSERT INTO silent_devices
SELECT device_id, window_start, MAX(ts), COUNT(*), MIN(battery)
FROM TABLE(SESSION(TABLE readings PARTITION BY device_id, DESCRIPTOR(ts), INTERVAL '3' MINUTE))
GROUP BY device_id, window_start, window_end;

INSERT INTO gaps
SELECT device_id, before_ts, ts, CAST(TIMESTAMPDIFF(SECOND, before_ts, ts) AS INT)
FROM (
  SELECT device_id, ts, LAG(ts) OVER (PARTITION BY device_id ORDER BY ts) AS before_ts
  FROM readings
)
WHERE ts > before_ts + INTERVAL '3' MINUTE;

INSERT INTO minutes
SELECT w.device_id, w.window_start, w.readings, w.coldest, CAST(w.mean AS DECIMAL(6, 2)), w.warmest, d.site
FROM (
  SELECT device_id, window_start, window_time AS at_time,
         COUNT(*) AS readings, MIN(temperature) AS coldest, AVG(temperature) AS mean, MAX(temperature) AS warmest
  FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
  GROUP BY device_id, window_start, window_end, window_time
) AS w
JOIN devices FOR SYSTEM_TIME AS OF w.at_time AS d ON w.device_id = d.device_id;

END;

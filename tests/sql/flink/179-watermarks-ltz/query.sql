-- Event time from numbers and text, computed watermarks, LTZ windows in a zone with daylight saving
SET 'pipeline.auto-watermark-interval' = '0';
SET 'table.local-time-zone' = 'America/New_York';
CREATE TABLE ms (id INT, ms BIGINT, s STRING, ts AS TO_TIMESTAMP_LTZ(ms, 3), WATERMARK FOR ts AS ts - INTERVAL '1' HOUR) WITH ('connector' = 'filesystem', 'path' = '${CASE}/ms.jsonl', 'format' = 'json');
CREATE TABLE txt (id INT, ms BIGINT, s STRING, ts AS TO_TIMESTAMP(s), WATERMARK FOR ts AS CASE WHEN id = 6 THEN CAST(NULL AS TIMESTAMP(3)) ELSE ts - INTERVAL '0.5' SECOND END) WITH ('connector' = 'filesystem', 'path' = '${CASE}/ms.jsonl', 'format' = 'json');
SELECT id, ts, CAST(ts AS STRING), CAST(ts AS TIMESTAMP(3)), DATE_FORMAT(ts, 'HH') FROM ms;
SELECT window_start, window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE ms, DESCRIPTOR(ts), INTERVAL '1' DAY)) GROUP BY window_start, window_end;
SELECT window_start, window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE ms, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end;
SELECT id, window_start, window_end, window_time FROM TABLE(TUMBLE(TABLE ms, DESCRIPTOR(ts), INTERVAL '2' HOUR));
SELECT window_start, window_end, COUNT(*) FROM TABLE(HOP(TABLE ms, DESCRIPTOR(ts), INTERVAL '12' HOUR, INTERVAL '1' DAY)) GROUP BY window_start, window_end;
SELECT window_start, window_end, COUNT(*) FROM TABLE(SESSION(TABLE ms, DESCRIPTOR(ts), INTERVAL '3' HOUR)) GROUP BY window_start, window_end;
SELECT TUMBLE_START(ts, INTERVAL '1' DAY), TUMBLE_ROWTIME(ts, INTERVAL '1' DAY), COUNT(*) FROM ms GROUP BY TUMBLE(ts, INTERVAL '1' DAY);
SELECT id, CURRENT_WATERMARK(ts) FROM ms;
SELECT id, CURRENT_WATERMARK(ts) FROM txt;
SELECT id, COUNT(*) OVER (ORDER BY ts RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW) FROM ms;
SELECT id FROM ms ORDER BY ts;
SELECT window_start, SUM(c) FROM TABLE(TUMBLE(TABLE w1, DESCRIPTOR(wt), INTERVAL '1' DAY)) GROUP BY window_start, window_end;
CREATE VIEW w1 AS SELECT window_time AS wt, COUNT(*) AS c FROM TABLE(TUMBLE(TABLE ms, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, window_time;
SELECT window_start, SUM(c) FROM TABLE(TUMBLE(TABLE w1, DESCRIPTOR(wt), INTERVAL '1' DAY)) GROUP BY window_start, window_end;

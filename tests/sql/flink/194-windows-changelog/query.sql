-- Windows over a changelog in event time
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE tchg (id INT, city STRING, n INT, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '3' SECOND) WITH ('connector' = 'filesystem', 'path' = '${CASE}/tchg.jsonl', 'format' = 'debezium-json');
SELECT * FROM tchg;
SELECT window_start, window_end, COUNT(*), SUM(n), MIN(n), MAX(n) FROM TABLE(TUMBLE(TABLE tchg, DESCRIPTOR(ts), INTERVAL '15' SECOND)) GROUP BY window_start, window_end;
SELECT window_start, window_end, city, COUNT(*), AVG(n) FROM TABLE(TUMBLE(TABLE tchg, DESCRIPTOR(ts), INTERVAL '20' SECOND)) GROUP BY window_start, window_end, city;
SELECT window_start, window_end, COUNT(*), SUM(n), COUNT(DISTINCT city) FROM TABLE(HOP(TABLE tchg, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND)) GROUP BY window_start, window_end;
SELECT window_start, window_end, COUNT(*), SUM(n) FROM TABLE(CUMULATE(TABLE tchg, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND)) GROUP BY window_start, window_end;
SELECT city, window_start, window_end, COUNT(*), SUM(n) FROM TABLE(SESSION(TABLE tchg PARTITION BY city, DESCRIPTOR(ts), INTERVAL '6' SECOND)) GROUP BY city, window_start, window_end;
SELECT TUMBLE_START(ts, INTERVAL '20' SECOND), city, COUNT(*), SUM(n) FROM tchg GROUP BY TUMBLE(ts, INTERVAL '20' SECOND), city;
SELECT id, city, SUM(n) OVER (PARTITION BY city ORDER BY ts) FROM tchg;
SELECT id, window_start FROM TABLE(TUMBLE(TABLE tchg, DESCRIPTOR(ts), INTERVAL '15' SECOND));
SELECT id, ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts DESC) rn FROM tchg) WHERE rn = 1;
SELECT id, ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY city ORDER BY ts) rn FROM tchg) WHERE rn = 1;
SELECT id, ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY city ORDER BY ts DESC, id) rn FROM tchg) WHERE rn <= 2;
SELECT * FROM tchg ORDER BY ts;
SELECT id, n FROM tchg ORDER BY n DESC, id LIMIT 3;

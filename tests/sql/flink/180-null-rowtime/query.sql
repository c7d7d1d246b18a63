-- A NULL event time fails; a NULL watermark is passed over
CREATE TABLE n (id INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${CASE}/n.jsonl', 'format' = 'json');
CREATE TABLE m (id INT, ts TIMESTAMP(3), t2 AS COALESCE(ts, TIMESTAMP '2026-03-01 00:00:00.000'), WATERMARK FOR t2 AS CASE WHEN id = 2 THEN NULL ELSE t2 END) WITH ('connector' = 'filesystem', 'path' = '${CASE}/n.jsonl', 'format' = 'json');
SELECT id, ts FROM n;
SELECT COUNT(*) FROM n;
SELECT id, t2 FROM m;
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE m, DESCRIPTOR(t2), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;

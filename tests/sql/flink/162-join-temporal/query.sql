-- Temporal joins by event time: versions, deletions, gaps, LEFT, conditions, a versioned view
CREATE TABLE pay (pid INT, cur STRING, amt DECIMAL(10,2), pts TIMESTAMP(3), WATERMARK FOR pts AS pts - INTERVAL '5' MINUTE) WITH ('connector' = 'filesystem', 'path' = '${CASE}/pay.jsonl', 'format' = 'json');
CREATE TABLE rates (cur STRING, rate DECIMAL(10,4), rts TIMESTAMP(3), WATERMARK FOR rts AS rts, PRIMARY KEY (cur) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '${CASE}/rates.jsonl', 'format' = 'debezium-json');
SELECT p.pid, p.cur, r.rate FROM pay p JOIN rates FOR SYSTEM_TIME AS OF p.pts AS r ON p.cur = r.cur;
SELECT p.pid, p.cur, r.rate, r.rts FROM pay p LEFT JOIN rates FOR SYSTEM_TIME AS OF p.pts AS r ON p.cur = r.cur;
SELECT p.pid, p.amt * r.rate FROM pay p LEFT JOIN rates FOR SYSTEM_TIME AS OF p.pts r ON p.cur = r.cur AND r.rate > 1.15;
SELECT p.pid, r.rate FROM pay p LEFT JOIN rates FOR SYSTEM_TIME AS OF p.pts AS r ON p.cur = r.cur WHERE p.amt > 5;
CREATE TABLE plain (cur STRING, rate DECIMAL(10,4), rts TIMESTAMP(3), WATERMARK FOR rts AS rts) WITH ('connector' = 'filesystem', 'path' = '${CASE}/plain.jsonl', 'format' = 'json');
CREATE VIEW versions AS SELECT cur, rate, rts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY cur ORDER BY rts DESC) rn FROM plain) WHERE rn = 1;
SELECT p.pid, v.rate FROM pay p JOIN versions FOR SYSTEM_TIME AS OF p.pts AS v ON p.cur = v.cur;
SELECT p.pid, v.rate FROM pay p JOIN plain FOR SYSTEM_TIME AS OF p.pts AS v ON p.cur = v.cur;
SELECT p.pid, r.rate FROM pay p JOIN rates FOR SYSTEM_TIME AS OF p.pts AS r ON p.amt = r.rate;
SELECT p.pid, r.rate FROM pay p RIGHT JOIN rates FOR SYSTEM_TIME AS OF p.pts AS r ON p.cur = r.cur;
SELECT p.pid, r.rate FROM pay p JOIN rates FOR SYSTEM_TIME AS OF TIMESTAMP '2026-03-01 10:00:00' AS r ON p.cur = r.cur;
SELECT TUMBLE_START(p.pts, INTERVAL '1' HOUR), SUM(p.amt * r.rate) FROM pay p JOIN rates FOR SYSTEM_TIME AS OF p.pts AS r ON p.cur = r.cur GROUP BY TUMBLE(p.pts, INTERVAL '1' HOUR);

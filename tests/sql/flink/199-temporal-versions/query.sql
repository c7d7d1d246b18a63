-- Temporal joins: versions that end, a versioned view, NULL keys, versions without rows
CREATE TABLE l (lid INT, k STRING, lv INT, lts TIMESTAMP(3), WATERMARK FOR lts AS lts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${CASE}/l.jsonl', 'format' = 'json');
CREATE TABLE rates (k STRING, rate INT, rts TIMESTAMP(3), WATERMARK FOR rts AS rts, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '${CASE}/rates.jsonl', 'format' = 'debezium-json');
CREATE TABLE plain (k STRING, rate INT, rts TIMESTAMP(3), WATERMARK FOR rts AS rts - INTERVAL '3' SECOND) WITH ('connector' = 'filesystem', 'path' = '${CASE}/plain.jsonl', 'format' = 'json');
CREATE VIEW versions AS SELECT k, rate, rts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY rts DESC) rn FROM plain) WHERE rn = 1;
SELECT lid, l.k, rate FROM l JOIN rates FOR SYSTEM_TIME AS OF l.lts AS v ON l.k = v.k;
SELECT lid, l.k, rate, rts FROM l LEFT JOIN rates FOR SYSTEM_TIME AS OF l.lts AS v ON l.k = v.k;
SELECT lid, rate FROM l LEFT JOIN rates FOR SYSTEM_TIME AS OF l.lts AS v ON l.k = v.k AND rate > lv;
SELECT lid, rate FROM l JOIN versions FOR SYSTEM_TIME AS OF l.lts AS v ON l.k = v.k;
SELECT lid, rate, rts FROM l LEFT JOIN versions FOR SYSTEM_TIME AS OF l.lts AS v ON l.k = v.k WHERE lv > 1;
SELECT l.k, COUNT(rate), SUM(lv * rate) FROM l LEFT JOIN rates FOR SYSTEM_TIME AS OF l.lts AS v ON l.k = v.k GROUP BY l.k;
SELECT TUMBLE_START(lts, INTERVAL '20' SECOND), COUNT(rate) FROM (SELECT l.lts, rate FROM l LEFT JOIN rates FOR SYSTEM_TIME AS OF l.lts AS v ON l.k = v.k) GROUP BY TUMBLE(lts, INTERVAL '20' SECOND);
SELECT lid, rate FROM l JOIN rates FOR SYSTEM_TIME AS OF l.lts AS v ON v.rate = l.lv;
SELECT lid, rate FROM l JOIN rates FOR SYSTEM_TIME AS OF l.lts ON l.k = rates.k;
SELECT lid, rate FROM l FULL JOIN rates FOR SYSTEM_TIME AS OF l.lts AS v ON l.k = v.k;

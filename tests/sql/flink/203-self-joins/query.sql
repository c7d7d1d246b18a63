-- A table in several places of a query: set operations, a self join, NOT IN
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE ev (id INT, k STRING, g INT, v INT, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${CASE}/ev.jsonl', 'format' = 'json');
SELECT k FROM ev WHERE v > 3 INTERSECT SELECT k FROM ev WHERE g = 1;
SELECT k, g FROM ev EXCEPT SELECT k, g FROM ev WHERE v < 4;
SELECT g FROM ev WHERE k = 'a' UNION SELECT v FROM ev WHERE k = 'b';
SELECT x.k, COUNT(*) FROM ev x JOIN ev y ON x.k = y.k AND x.g = y.v GROUP BY x.k;
SELECT id FROM ev WHERE g NOT IN (SELECT v FROM ev WHERE v > 6);

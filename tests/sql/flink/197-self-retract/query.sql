-- One changelog joined with itself and with its own aggregates: a source is read once
CREATE TABLE chg (id INT, city STRING, n INT, s STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '${CASE}/chg.jsonl', 'format' = 'debezium-json');
CREATE TABLE bag (id INT, city STRING, n INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/chg.jsonl', 'format' = 'debezium-json');
SELECT a.id, b.id FROM chg a JOIN chg b ON a.city = b.city AND a.id <> b.id;
SELECT a.id, b.id FROM chg a LEFT JOIN chg b ON a.n = b.id;
SELECT a.id, t.c FROM chg a JOIN (SELECT city, COUNT(*) c FROM chg GROUP BY city) t ON a.city = t.city;
SELECT a.id, a.n FROM chg a WHERE a.n = (SELECT MAX(n) FROM chg);
SELECT a.id FROM chg a WHERE a.id IN (SELECT n FROM chg);
SELECT city, c FROM (SELECT city, COUNT(*) c FROM chg GROUP BY city) WHERE c > 1;
SELECT c, COUNT(*) FROM (SELECT city, s, COUNT(*) c FROM chg GROUP BY city, s) GROUP BY c;
SELECT city, SUM(n) s FROM chg GROUP BY city HAVING SUM(n) > 5;
SELECT n, city FROM chg WHERE n > 2 AND city IS NOT NULL;
SELECT id, CASE WHEN n > 3 THEN 'hi' WHEN n IS NULL THEN 'none' ELSE 'lo' END FROM chg;
SELECT city || '/' || s FROM bag;
SELECT MAX(c), MIN(c), COUNT(*) FROM (SELECT city, COUNT(DISTINCT s) c FROM chg GROUP BY city);
SELECT city, LISTAGG(s), COLLECT(n) FROM chg WHERE city IS NOT NULL GROUP BY city;
SELECT STDDEV_POP(n), VAR_POP(n), STDDEV_SAMP(n), VAR_SAMP(n) FROM chg;
SELECT MOD(n, 2), COUNT(*), MIN(id) FROM chg GROUP BY MOD(n, 2);

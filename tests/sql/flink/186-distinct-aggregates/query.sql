-- Several DISTINCT aggregates with filters, in groups, windows and over changes
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE ev (id INT, u STRING, amt INT, kind STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${CASE}/ev.jsonl', 'format' = 'json');
CREATE TABLE cust (id INT, name STRING, city STRING, credit DECIMAL(10,2), PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '${CASE}/cust.jsonl', 'format' = 'debezium-json');
SELECT COUNT(DISTINCT u) a, COUNT(DISTINCT kind) b, COUNT(DISTINCT amt) c, SUM(DISTINCT amt) d, AVG(DISTINCT amt) e, MAX(DISTINCT amt) f FROM ev;
SELECT u, COUNT(DISTINCT kind) FILTER (WHERE amt > 4), COUNT(DISTINCT kind) FILTER (WHERE amt <= 4), COUNT(DISTINCT kind) FROM ev GROUP BY u;
SELECT window_start, COUNT(DISTINCT u), COUNT(DISTINCT kind) FILTER (WHERE u = 'a'), SUM(DISTINCT amt) FROM TABLE(TUMBLE(TABLE ev, DESCRIPTOR(ts), INTERVAL '20' SECOND)) GROUP BY window_start, window_end;
SELECT window_start, window_end, COUNT(DISTINCT u) FROM TABLE(HOP(TABLE ev, DESCRIPTOR(ts), INTERVAL '20' SECOND, INTERVAL '40' SECOND)) GROUP BY window_start, window_end;
SELECT window_start, window_end, COUNT(DISTINCT u), LISTAGG(DISTINCT u) FROM TABLE(CUMULATE(TABLE ev, DESCRIPTOR(ts), INTERVAL '20' SECOND, INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
SELECT window_start, COUNT(DISTINCT u) FROM TABLE(SESSION(TABLE ev, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
SELECT COUNT(DISTINCT city), COUNT(DISTINCT credit), SUM(DISTINCT credit) FROM cust;
SELECT city, COUNT(DISTINCT credit) FILTER (WHERE id < 5), LISTAGG(DISTINCT name) FROM cust GROUP BY city;
SELECT LISTAGG(DISTINCT kind, '/'), COLLECT(DISTINCT u), ARRAY_AGG(DISTINCT u) FROM ev WHERE id < 10;
SELECT COUNT(DISTINCT amt + 1), COUNT(DISTINCT u || kind) FROM ev;
SELECT u, COUNT(DISTINCT kind) c FROM ev GROUP BY u HAVING COUNT(DISTINCT kind) > 2;
SELECT STDDEV_POP(DISTINCT amt) FROM ev;
SELECT FIRST_VALUE(DISTINCT kind) FROM ev;

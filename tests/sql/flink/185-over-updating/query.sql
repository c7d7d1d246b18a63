-- OVER by an ordinary column, over changes, and where it is refused
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE ev (id INT, u STRING, amt INT, kind STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${CASE}/ev.jsonl', 'format' = 'json');
CREATE TABLE cust (id INT, name STRING, city STRING, credit DECIMAL(10,2), PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '${CASE}/cust.jsonl', 'format' = 'debezium-json');
SELECT id, SUM(amt) OVER (PARTITION BY u ORDER BY amt) FROM ev WHERE id < 9;
SELECT id, ROW_NUMBER() OVER (PARTITION BY u ORDER BY amt DESC) FROM ev WHERE id < 9;
SELECT id, SUM(credit) OVER (ORDER BY id) FROM cust;
SELECT id, COUNT(*) OVER (PARTITION BY city ORDER BY id) FROM cust;
SELECT id, SUM(amt) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM ev WHERE id < 6;
SELECT id, SUM(amt) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM ev WHERE id < 6;
SELECT id, LAG(amt) OVER (ORDER BY id) FROM ev WHERE id < 6;
SELECT id, FIRST_VALUE(amt) OVER (ORDER BY id) FROM ev WHERE id < 6;

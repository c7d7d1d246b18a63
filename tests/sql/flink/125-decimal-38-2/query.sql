-- DECIMAL(38) over columns: sums, products, quotients at the limit of precision give NULL
CREATE TABLE d (a DECIMAL(38,0), b DECIMAL(38,38), c DECIMAL(38,19), i INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/d.jsonl', 'format' = 'json');
SELECT COALESCE(a, b) AS c1,
  CASE WHEN i > 0 THEN a ELSE b END AS c2,
  LN(a) AS c3,
  POWER(c, 2) AS c4,
  a + 1e0 AS c5,
  b * 1e0 AS c6
FROM d;
SELECT SQRT(a) AS c1 FROM d;
SELECT SUM(a), SUM(b), SUM(c), AVG(a), AVG(b), AVG(c), MIN(a), MAX(c), COUNT(b) FROM d;
SELECT SUM(c), AVG(c), MIN(b), MAX(b), SUM(i), AVG(i) FROM d WHERE i < 10;
SELECT SUM(CAST(c AS DECIMAL(10,2))), AVG(CAST(i AS DECIMAL(5,1))), SUM(i * 1.5), AVG(i * 1.25) FROM d WHERE i IN (1, -3);
SELECT STDDEV_POP(i), STDDEV_SAMP(i), VAR_POP(i), VAR_SAMP(i), STDDEV(i), VARIANCE(i) FROM d;
SELECT STDDEV_POP(CAST(i AS DECIMAL(10,2))), VAR_SAMP(CAST(i AS DOUBLE)), VAR_POP(CAST(i AS TINYINT)), AVG(CAST(i AS FLOAT)), SUM(CAST(i AS FLOAT)), AVG(CAST(i AS TINYINT)), SUM(CAST(i AS TINYINT)) FROM d;

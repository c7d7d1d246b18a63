-- Arithmetic over columns of every numeric type: overflow wraps, NULL, signs
CREATE TABLE n (t TINYINT, s SMALLINT, i INT, b BIGINT, f FLOAT, d DOUBLE, e DECIMAL(5,2), g DECIMAL(29,9)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/n.jsonl', 'format' = 'json');
SELECT CAST(g AS DECIMAL(38,0)) AS c1,
  CAST(g AS DECIMAL(38,18)) AS c2,
  CAST(t AS STRING) AS c3,
  CAST(s AS STRING) AS c4,
  CAST(i AS STRING) AS c5,
  CAST(b AS STRING) AS c6,
  CAST(f AS STRING) AS c7,
  CAST(d AS STRING) AS c8,
  CAST(e AS STRING) AS c9,
  CAST(g AS STRING) AS c10,
  CAST(i AS VARCHAR(3)) AS c11,
  CAST(i AS CHAR(12)) AS c12
FROM n;
SELECT CAST(i AS BOOLEAN) AS c1,
  CAST(t AS BOOLEAN) AS c2,
  CAST(d AS BOOLEAN) AS c3,
  CAST(e AS BOOLEAN) AS c4,
  CAST(t > 0 AS INT) AS c5,
  CAST(t > 0 AS DOUBLE) AS c6,
  CAST(t > 0 AS DECIMAL(3,1)) AS c7,
  CAST(t > 0 AS STRING) AS c8
FROM n;

-- Arithmetic over columns of every numeric type: overflow wraps, NULL, signs
CREATE TABLE n (t TINYINT, s SMALLINT, i INT, b BIGINT, f FLOAT, d DOUBLE, e DECIMAL(5,2), g DECIMAL(29,9)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/n.jsonl', 'format' = 'json');
SELECT i > b AS c1,
  f = d AS c2,
  d = -d AS c3,
  e = 12.34 AS c4,
  e < g AS c5,
  i BETWEEN t AND b AS c6,
  i IN (0, 10, 70000) AS c7,
  e IN (0.05, 999.99) AS c8,
  i = 10.0 AS c9,
  f = 2.5 AS c10,
  f < 2.5 AS c11,
  BIN(t) AS c12
FROM n;
SELECT BIN(i) AS c1,
  HEX(i) AS c2,
  HEX(b) AS c3,
  BIN(b) AS c4,
  CAST(t AS SMALLINT) AS c5,
  CAST(i AS TINYINT) AS c6,
  CAST(i AS SMALLINT) AS c7,
  CAST(b AS INT) AS c8,
  CAST(b AS TINYINT) AS c9,
  CAST(b AS FLOAT) AS c10,
  CAST(b AS DOUBLE) AS c11,
  CAST(i AS DECIMAL(5,2)) AS c12
FROM n;
SELECT CAST(b AS DECIMAL(20,0)) AS c1,
  CAST(b AS DECIMAL(19,1)) AS c2,
  CAST(f AS INT) AS c3,
  CAST(f AS BIGINT) AS c4,
  CAST(f AS TINYINT) AS c5,
  CAST(f AS DOUBLE) AS c6,
  CAST(f AS DECIMAL(10,3)) AS c7,
  CAST(d AS INT) AS c8,
  CAST(d AS BIGINT) AS c9,
  CAST(d AS SMALLINT) AS c10,
  CAST(d AS FLOAT) AS c11,
  CAST(d AS DECIMAL(38,4)) AS c12
FROM n;
SELECT CAST(e AS INT) AS c1,
  CAST(e AS TINYINT) AS c2,
  CAST(e AS BIGINT) AS c3,
  CAST(e AS DOUBLE) AS c4,
  CAST(e AS FLOAT) AS c5,
  CAST(e AS DECIMAL(4,1)) AS c6,
  CAST(e AS DECIMAL(3,2)) AS c7,
  CAST(g AS BIGINT) AS c8,
  CAST(g AS INT) AS c9,
  CAST(g AS DOUBLE) AS c10
FROM n;
SELECT d IN (0, 1e308) AS c1 FROM n;
SELECT CAST(i AS FLOAT) AS c1 FROM n;

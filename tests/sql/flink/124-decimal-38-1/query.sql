-- DECIMAL(38) over columns: sums, products, quotients at the limit of precision give NULL
CREATE TABLE d (a DECIMAL(38,0), b DECIMAL(38,38), c DECIMAL(38,19), i INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/d.jsonl', 'format' = 'json');
SELECT a AS c1,
  b AS c2,
  c AS c3,
  a + a AS c4,
  a - a AS c5,
  a + 1 AS c6,
  a * 1 AS c7,
  a * a AS c8,
  a / 3 AS c9,
  a + b AS c10,
  a * b AS c11,
  b + b AS c12
FROM d;
SELECT b - 1 AS c1,
  b / 3 AS c2,
  c * c AS c3,
  c / 7 AS c4,
  c + a AS c5,
  c - b AS c6,
  c * 10 AS c7,
  c * i AS c8,
  c + i AS c9,
  MOD(c, 3) AS c10,
  -a AS c11,
  ABS(b) AS c12
FROM d;
SELECT ROUND(c, 2) AS c1,
  ROUND(b, 5) AS c2,
  ROUND(a, -5) AS c3,
  FLOOR(c) AS c4,
  CEIL(c) AS c5,
  FLOOR(b) AS c6,
  TRUNCATE(c, 3) AS c7,
  SIGN(c) AS c8,
  a > c AS c9,
  b < 1 AS c10,
  c = a AS c11,
  CAST(a AS STRING) AS c12
FROM d;
SELECT CAST(a AS DOUBLE) AS c1,
  CAST(b AS FLOAT) AS c2,
  CAST(b AS DOUBLE) AS c3,
  CAST(c AS BIGINT) AS c4,
  CAST(c AS INT) AS c5,
  CAST(c AS DECIMAL(20,1)) AS c6,
  CAST(a AS DECIMAL(20,0)) AS c7,
  CAST(b AS DECIMAL(10,10)) AS c8,
  CAST(b AS DECIMAL(1,0)) AS c9,
  GREATEST(a, c) AS c10
FROM d;
SELECT b * b AS c1 FROM d;
SELECT MOD(a, 7) AS c1 FROM d;

-- Arithmetic over columns of every numeric type: overflow wraps, NULL, signs
CREATE TABLE n (t TINYINT, s SMALLINT, i INT, b BIGINT, f FLOAT, d DOUBLE, e DECIMAL(5,2), g DECIMAL(29,9)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/n.jsonl', 'format' = 'json');
SELECT e * d AS c1,
  e + b AS c2,
  i + e AS c3,
  t * e AS c4,
  b * e AS c5,
  MOD(e, 3) AS c6,
  MOD(g, 7) AS c7,
  MOD(e, 0.7) AS c8,
  ABS(t) AS c9,
  ABS(s) AS c10,
  ABS(i) AS c11,
  ABS(b) AS c12
FROM n;
SELECT ABS(f) AS c1,
  ABS(d) AS c2,
  ABS(e) AS c3,
  ABS(g) AS c4,
  SIGN(i) AS c5,
  SIGN(b) AS c6,
  SIGN(f) AS c7,
  SIGN(e) AS c8,
  CEIL(f) AS c9,
  FLOOR(f) AS c10,
  CEIL(d) AS c11,
  FLOOR(d) AS c12
FROM n;
SELECT CEIL(e) AS c1,
  FLOOR(e) AS c2,
  CEIL(g) AS c3,
  FLOOR(g) AS c4,
  CEIL(i) AS c5,
  FLOOR(b) AS c6,
  ROUND(i, -1) AS c7,
  ROUND(b, -2) AS c8,
  ROUND(t, -1) AS c9,
  ROUND(f) AS c10,
  ROUND(f, 1) AS c11,
  ROUND(d) AS c12
FROM n;
SELECT ROUND(e) AS c1,
  ROUND(e, 1) AS c2,
  ROUND(g, 4) AS c3,
  ROUND(g, -3) AS c4,
  TRUNCATE(i, -1) AS c5,
  TRUNCATE(e, 1) AS c6
FROM n;
SELECT SIGN(t) AS c1 FROM n;
SELECT SIGN(d) AS c1 FROM n;
SELECT ROUND(d, 1) AS c1 FROM n;
SELECT ROUND(i, i) AS c1 FROM n;
SELECT TRUNCATE(f, 0) AS c1 FROM n;
SELECT TRUNCATE(d, 1) AS c1 FROM n;

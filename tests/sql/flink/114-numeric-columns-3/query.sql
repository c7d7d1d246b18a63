-- Arithmetic over columns of every numeric type: overflow wraps, NULL, signs
CREATE TABLE n (t TINYINT, s SMALLINT, i INT, b BIGINT, f FLOAT, d DOUBLE, e DECIMAL(5,2), g DECIMAL(29,9)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/n.jsonl', 'format' = 'json');
SELECT TRUNCATE(e) AS c1,
  TRUNCATE(g, 3) AS c2,
  TRUNCATE(b, -3) AS c3,
  POWER(t, 2) AS c4,
  POWER(d, 0.5) AS c5,
  POWER(e, 2) AS c6,
  SQRT(t) AS c7,
  SQRT(e) AS c8,
  LN(e) AS c9,
  LOG10(e) AS c10,
  LOG2(e) AS c11,
  LOG(e) AS c12
FROM n;
SELECT LOG(2, e) AS c1,
  EXP(t) AS c2,
  COS(f) AS c3,
  TAN(e) AS c4,
  ASIN(d) AS c5,
  ACOS(d) AS c6,
  ATAN(d) AS c7,
  ATAN2(f, 1) AS c8,
  COT(e) AS c9,
  SINH(f) AS c10,
  TANH(f) AS c11,
  DEGREES(f) AS c12
FROM n;
SELECT RADIANS(e) AS c1,
  GREATEST(t, s, i) AS c2,
  GREATEST(i, b) AS c3,
  GREATEST(f, d) AS c4,
  GREATEST(i, d) AS c5,
  LEAST(t, s) AS c6,
  COALESCE(t, b) AS c7,
  COALESCE(t, e) AS c8,
  COALESCE(i, d) AS c9,
  IFNULL(t, 1000) AS c10,
  NULLIF(i, 0) AS c11,
  NULLIF(t, b) AS c12
FROM n;
SELECT CASE WHEN t > 0 THEN t ELSE b END AS c1,
  CASE WHEN t > 0 THEN e ELSE d END AS c2,
  CASE WHEN t > 0 THEN i ELSE e END AS c3,
  CASE WHEN t > 0 THEN e ELSE g END AS c4,
  IF(t > 0, t, 1.5) AS c5,
  IF(t > 0, i, 2) AS c6,
  IF(t > 0, e, g) AS c7
FROM n;
SELECT SQRT(d) AS c1 FROM n;
SELECT SIN(f) AS c1 FROM n;
SELECT COSH(t) AS c1 FROM n;
SELECT GREATEST(e, g) AS c1 FROM n;
SELECT LEAST(e, i) AS c1 FROM n;

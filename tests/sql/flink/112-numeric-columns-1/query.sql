-- Arithmetic over columns of every numeric type: overflow wraps, NULL, signs
CREATE TABLE n (t TINYINT, s SMALLINT, i INT, b BIGINT, f FLOAT, d DOUBLE, e DECIMAL(5,2), g DECIMAL(29,9)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/n.jsonl', 'format' = 'json');
SELECT t + t AS c1,
  t + s AS c2,
  s * s AS c3,
  i + i AS c4,
  i * i AS c5,
  i - b AS c6,
  b + b AS c7,
  b * b AS c8,
  -t AS c9,
  -s AS c10,
  -i AS c11,
  -b AS c12
FROM n;
SELECT -f AS c1,
  -d AS c2,
  -e AS c3,
  -g AS c4,
  +i AS c5,
  t + 1 AS c6,
  i + 1 AS c7,
  b + 1 AS c8,
  i / 7 AS c9,
  b / 7 AS c10,
  t / 2 AS c11,
  -7 / 2 AS c12
FROM n;
SELECT i % 7 AS c1,
  MOD(i, 7) AS c2,
  MOD(b, -7) AS c3,
  MOD(t, s + 100000) AS c4,
  i / 7.0 AS c5,
  f * f AS c6,
  f / 3 AS c7,
  d * d AS c8,
  d / 3 AS c9,
  d + 1 AS c10,
  f + b AS c11,
  d + b AS c12
FROM n;
SELECT e + i AS c1,
  e * i AS c2,
  e / 3 AS c3,
  e + g AS c4,
  e * g AS c5,
  e - g AS c6,
  g * g AS c7,
  g / 7 AS c8,
  e + f AS c9
FROM n;
SELECT f + d AS c1 FROM n;
SELECT f + i AS c1 FROM n;
SELECT g / e * 0 AS c1 FROM n;

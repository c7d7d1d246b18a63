-- Array functions over columns with NULL arrays, NULL elements and nested types
CREATE TABLE a (a ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, r ARRAY<ROW<p INT, q STRING>>, n INT, d ARRAY<DECIMAL(5,2)>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/a.jsonl', 'format' = 'json');
SELECT a AS c1,
  s AS c2,
  r AS c3,
  a[1] AS c4,
  a[n] AS c5,
  a[n + 10] AS c6,
  s[1] AS c7,
  m['x'] AS c8,
  m['nope'] AS c9,
  r[1].p AS c10,
  r[1].q AS c11,
  r[1] AS c12
FROM a;
SELECT CARDINALITY(a) AS c1,
  CARDINALITY(m) AS c2,
  CARDINALITY(r) AS c3,
  ARRAY_CONTAINS(a, 3) AS c4,
  ARRAY_CONTAINS(a, NULL) AS c5,
  ARRAY_CONTAINS(a, n) AS c6,
  ARRAY_CONTAINS(s, 'a') AS c7,
  ARRAY_DISTINCT(a) AS c8,
  ARRAY_DISTINCT(s) AS c9,
  ARRAY_POSITION(a, 3) AS c10,
  ARRAY_POSITION(a, n) AS c11,
  ARRAY_REMOVE(a, 3) AS c12
FROM a;
SELECT ARRAY_REMOVE(a, CAST(NULL AS INT)) AS c1,
  ARRAY_REVERSE(a) AS c2,
  ARRAY_SLICE(a, 2) AS c3,
  ARRAY_SLICE(a, 2, 3) AS c4,
  ARRAY_SLICE(a, -2) AS c5,
  ARRAY_SLICE(a, 0, 2) AS c6,
  ARRAY_SLICE(a, n, n) AS c7,
  ARRAY_SLICE(a, 3, 2) AS c8,
  ARRAY_SORT(a) AS c9,
  ARRAY_SORT(a, TRUE) AS c10,
  ARRAY_SORT(a, FALSE) AS c11,
  ARRAY_SORT(a, TRUE, FALSE) AS c12
FROM a;
SELECT ARRAY_SORT(a, FALSE, TRUE) AS c1,
  ARRAY_SORT(s) AS c2,
  ARRAY_SORT(d) AS c3,
  ARRAY_UNION(a, ARRAY[7]) AS c4,
  ARRAY_UNION(a, a) AS c5,
  ARRAY_CONCAT(a, a) AS c6,
  ARRAY_CONCAT(a, ARRAY[7], ARRAY[8]) AS c7,
  ARRAY_EXCEPT(a, ARRAY[3]) AS c8,
  ARRAY_EXCEPT(a, a) AS c9
FROM a;
SELECT m AS c1 FROM a;
SELECT ARRAY_POSITION(a, CAST(NULL AS INT)) AS c1 FROM a;
SELECT ARRAY_SLICE(a, -3, -2) AS c1 FROM a;

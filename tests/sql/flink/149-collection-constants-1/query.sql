-- Array, map, row and multiset constructors, types, nesting, errors
CREATE TABLE one_row (x INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/one_row.jsonl', 'format' = 'json');
SELECT ARRAY[1, 2, 3] AS c1,
  ARRAY[1, 2.5] AS c2,
  ARRAY[1, NULL] AS c3,
  ARRAY['a', 'abc'] AS c4,
  ARRAY[ARRAY[1], ARRAY[2, 3]] AS c5,
  ARRAY[1, 2][1] AS c6,
  MAP['a', 1, 'b', 2] AS c7,
  MAP['a', 1, 'a', 2] AS c8,
  MAP['a', 1]['a'] AS c9,
  MAP[1, 'x'][1] AS c10,
  MAP['a', 1, 'b', 2.5] AS c11,
  MAP['a', NULL] AS c12
FROM one_row;
SELECT ROW(1, 'a') AS c1,
  (1, 'a') AS c2,
  ROW(1) AS c3,
  ROW(1, 'a').EXPR$0 AS c4,
  CAST(ROW(1, 'a') AS ROW<x INT, y STRING>).x AS c5,
  ROW(1, ROW(2, 3)) AS c6,
  CARDINALITY(ARRAY[1, 2]) AS c7,
  CARDINALITY(MAP['a', 1]) AS c8,
  CARDINALITY(CAST(NULL AS ARRAY<INT>)) AS c9,
  ELEMENT(ARRAY[1]) AS c10,
  ARRAY_CONTAINS(ARRAY[1, 2], 2) AS c11,
  ARRAY_CONTAINS(ARRAY[1, NULL], NULL) AS c12
FROM one_row;
SELECT ARRAY_CONTAINS(ARRAY[1, NULL], CAST(NULL AS INT)) AS c1,
  ARRAY_CONTAINS(ARRAY['a'], 'a') AS c2
FROM one_row;
SELECT ARRAY[] AS c1 FROM one_row;
SELECT ARRAY[NULL] AS c1 FROM one_row;
SELECT ARRAY[1, 'a'] AS c1 FROM one_row;
SELECT ARRAY[1, 2][0] AS c1 FROM one_row;
SELECT ARRAY[1, 2][3] AS c1 FROM one_row;
SELECT ARRAY[1, 2][-1] AS c1 FROM one_row;
SELECT ARRAY[1, 2][NULL] AS c1 FROM one_row;
SELECT ARRAY[1, 2]['a'] AS c1 FROM one_row;
SELECT MAP['a', 1]['b'] AS c1 FROM one_row;
SELECT MAP['a', 1][1] AS c1 FROM one_row;
SELECT MAP['a'] AS c1 FROM one_row;
SELECT MAP[] AS c1 FROM one_row;
SELECT MAP[CAST(NULL AS STRING), 1] AS c1 FROM one_row;
SELECT ROW(NULL) AS c1 FROM one_row;
SELECT MULTISET['a', 'b', 'a'] AS c1 FROM one_row;
SELECT MULTISET[1, 2] AS c1 FROM one_row;
SELECT CARDINALITY(MULTISET['a', 'a']) AS c1 FROM one_row;
SELECT CARDINALITY(1) AS c1 FROM one_row;
SELECT ELEMENT(ARRAY[1, 2]) AS c1 FROM one_row;
SELECT ELEMENT(CAST(ARRAY[] AS ARRAY<INT>)) AS c1 FROM one_row;
SELECT ARRAY_CONTAINS(ARRAY[1, 2], 'a') AS c1 FROM one_row;
SELECT ARRAY_CONTAINS(ARRAY[1, 2], 2.0) AS c1 FROM one_row;

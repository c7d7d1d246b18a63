-- CAST from text to every type, TRY_CAST of the same
CREATE TABLE one_row (x INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/one_row.jsonl', 'format' = 'json');
SELECT CAST('abc' AS CHAR(2)) AS c1,
  CAST('abc' AS BYTES) AS c2,
  CAST('abc' AS BINARY(2)) AS c3,
  CAST('abc' AS BINARY(5)) AS c4,
  CAST('abc' AS VARBINARY(2)) AS c5,
  TRY_CAST('12a' AS INT) AS c6,
  TRY_CAST('abc' AS DATE) AS c7,
  TRY_CAST('abc' AS TIME) AS c8,
  TRY_CAST('abc' AS TIMESTAMP(3)) AS c9,
  TRY_CAST('abc' AS TIMESTAMP_LTZ(3)) AS c10,
  TRY_CAST('maybe' AS BOOLEAN) AS c11,
  TRY_CAST('abc' AS DOUBLE) AS c12
FROM one_row;
SELECT TRY_CAST('1000' AS DECIMAL(5,2)) AS c1,
  TRY_CAST('24:00:00' AS TIME) AS c2,
  TRY_CAST('10:11:12' AS TIME) AS c3,
  TRY_CAST('true' AS BOOLEAN) AS c4,
  TRY_CAST('5' AS TINYINT) AS c5,
  TRY_CAST('500' AS TINYINT) AS c6,
  TRY_CAST('2026-01-02' AS DATE) AS c7,
  TRY_CAST('abc' AS VARCHAR(2)) AS c8,
  TRY_CAST(300 AS TINYINT) AS c9,
  TRY_CAST(1e20 AS INT) AS c10,
  TRY_CAST(12345.678 AS DECIMAL(5,2)) AS c11,
  TRY_CAST(NULL AS INT) AS c12
FROM one_row;
SELECT TRY_CAST('1' || 'x' AS INT) AS c1
FROM one_row;
SELECT CAST('[1, 2]' AS ARRAY<INT>) AS c1 FROM one_row;
SELECT CAST('{a=1}' AS MAP<STRING, INT>) AS c1 FROM one_row;
SELECT CAST('(1, a)' AS ROW<x INT, y STRING>) AS c1 FROM one_row;
SELECT '12'::INT AS c1 FROM one_row;
SELECT CONVERT('12', INT) AS c1 FROM one_row;

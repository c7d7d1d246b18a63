-- String functions on literals: argument ranges, special patterns, result types
CREATE TABLE one_row (x INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/one_row.jsonl', 'format' = 'json');
SELECT 'a' < 'B' AS c1,
  'Z' < 'a' AS c2,
  'é' > 'z' AS c3,
  x'01' < x'ff' AS c4,
  x'01' = x'01' AS c5,
  CAST(x'6162' AS STRING) AS c6,
  CAST('ab' AS BYTES) = x'6162' AS c7
FROM one_row;
SELECT CONCAT(x'01', x'02') AS c1 FROM one_row;
SELECT x'01' || x'02' AS c1 FROM one_row;
SELECT '😀' > 'ﬀ' AS c1 FROM one_row;

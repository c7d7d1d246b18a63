-- String functions on literals: argument ranges, special patterns, result types
CREATE TABLE one_row (x INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/one_row.jsonl', 'format' = 'json');
SELECT SPLIT(CAST(NULL AS STRING), ',') AS c1,
  SPLIT('a..b', '.') AS c2,
  STR_TO_MAP('k1:v1;k2: v2', ';', ':') AS c3,
  STR_TO_MAP('') AS c4,
  ELT(0, 'a', 'b') AS c5,
  ELT(3, 'a', 'b') AS c6,
  INITCAP('it''s a dOG-house 3rd') AS c7,
  UPPER('ß') AS c8,
  LOWER('İ') AS c9,
  TRIM(BOTH FROM ' x ') AS c10,
  TRIM('ab' FROM 'abcba') AS c11,
  CONCAT('a') AS c12
FROM one_row;
SELECT CONCAT_WS('-') AS c1,
  CHAR_LENGTH('😀') AS c2,
  REVERSE('a😀b') AS c3,
  'a' = 'a ' AS c4,
  CAST('a' AS CHAR(3)) = 'a' AS c5,
  CAST('a' AS CHAR(3)) = CAST('a' AS CHAR(5)) AS c6,
  'it''s' AS c7,
  'tab\t' AS c8,
  TYPEOF('abc') AS c9,
  TYPEOF('abc' || 'de') AS c10,
  TYPEOF(UPPER('abc')) AS c11,
  TYPEOF(SUBSTRING('abc', 1)) AS c12
FROM one_row;
SELECT TYPEOF(CONCAT('a', 'b')) AS c1,
  TYPEOF(CASE WHEN TRUE THEN 'a' ELSE 'abc' END) AS c2,
  TYPEOF(COALESCE('a', 'abc')) AS c3,
  TYPEOF(CAST('a' AS VARCHAR(5)) || CAST('b' AS CHAR(2))) AS c4,
  TYPEOF(x'01') AS c5,
  TYPEOF(NULL) AS c6,
  TYPEOF(1 = 1) AS c7,
  TYPEOF(REGEXP_EXTRACT('a', 'b')) AS c8,
  TYPEOF(STR_TO_MAP('a')) AS c9,
  TYPEOF(1, TRUE) AS c10,
  TYPEOF(CAST(1 AS TINYINT), TRUE) AS c11,
  IS_ALPHA('abc') AS c12
FROM one_row;
SELECT IS_ALPHA('ab1') AS c1
FROM one_row;
SELECT STR_TO_MAP('k1=v1,k2=v2,k3') AS c1 FROM one_row;
SELECT STR_TO_MAP('a=1,a=2') AS c1 FROM one_row;
SELECT ELT(2, x'01', x'02') AS c1 FROM one_row;
SELECT CONCAT() AS c1 FROM one_row;
SELECT 'abc' || 1 AS c1 FROM one_row;
SELECT CONCAT('a', 1) AS c1 FROM one_row;
SELECT _UTF8'abc' AS c1 FROM one_row;
SELECT N'abc' AS c1 FROM one_row;
SELECT U&'\0041b' AS c1 FROM one_row;
SELECT 'abc' 'def' AS c1 FROM one_row;
SELECT TYPEOF(SPLIT('a', ',')) AS c1 FROM one_row;

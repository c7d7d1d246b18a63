-- Wrong argument types and counts are refused
CREATE TABLE one_row (x INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/one_row.jsonl', 'format' = 'json');
SELECT GREATEST('a') AS c1,
  TRUE > FALSE AS c2,
  DATE '2026-01-01' = '2026-01-01' AS c3,
  '2026-01-01' < DATE '2026-01-02' AS c4,
  TIMESTAMP '2026-01-01 00:00:00' > '2025-01-01 00:00:00' AS c5
FROM one_row;
SELECT UPPER(1) AS c1 FROM one_row;
SELECT CHAR_LENGTH(1) AS c1 FROM one_row;
SELECT SUBSTRING(1, 2) AS c1 FROM one_row;
SELECT SUBSTRING('abc', 'b') AS c1 FROM one_row;
SELECT CONCAT_WS(1, 'a') AS c1 FROM one_row;
SELECT REPLACE('a', 'b') AS c1 FROM one_row;
SELECT LPAD('a', 'b', 'c') AS c1 FROM one_row;
SELECT TRIM(1) AS c1 FROM one_row;
SELECT POSITION(1 IN 'abc') AS c1 FROM one_row;
SELECT REGEXP_EXTRACT('a', 'b', 'c') AS c1 FROM one_row;
SELECT SPLIT_INDEX('a', ',', 'x') AS c1 FROM one_row;
SELECT LEFT('abc') AS c1 FROM one_row;
SELECT MD5(1) AS c1 FROM one_row;
SELECT SHA2('abc', 'x') AS c1 FROM one_row;
SELECT SHA2('abc') AS c1 FROM one_row;
SELECT ASCII(1) AS c1 FROM one_row;
SELECT 1 LIKE '1' AS c1 FROM one_row;
SELECT '1' LIKE 1 AS c1 FROM one_row;
SELECT 'a' = 1 AS c1 FROM one_row;
SELECT 'a' > 1 AS c1 FROM one_row;
SELECT 'a' + 1 AS c1 FROM one_row;
SELECT 'a' - 'b' AS c1 FROM one_row;
SELECT - 'a' AS c1 FROM one_row;
SELECT NOT 'a' AS c1 FROM one_row;
SELECT 'a' AND TRUE AS c1 FROM one_row;
SELECT 1 AND 2 AS c1 FROM one_row;
SELECT COALESCE(1, 'a') AS c1 FROM one_row;
SELECT IF(1, 'a', 'b') AS c1 FROM one_row;
SELECT IF(TRUE, 1, 'b') AS c1 FROM one_row;
SELECT CASE WHEN TRUE THEN 1 ELSE 'a' END AS c1 FROM one_row;
SELECT CASE 1 WHEN 'a' THEN 1 END AS c1 FROM one_row;
SELECT NULLIF(1, 'a') AS c1 FROM one_row;
SELECT NULLIF('a', 1) AS c1 FROM one_row;
SELECT GREATEST(1, 'a') AS c1 FROM one_row;
SELECT LEAST() AS c1 FROM one_row;
SELECT 1 IN ('a', 2) AS c1 FROM one_row;
SELECT 'a' IN (1, 2) AS c1 FROM one_row;
SELECT '1' BETWEEN 0 AND 2 AS c1 FROM one_row;
SELECT TRUE = 1 AS c1 FROM one_row;
SELECT TRUE = 'true' AS c1 FROM one_row;
SELECT DATE '2026-01-01' = 1 AS c1 FROM one_row;
SELECT INTERVAL '1' DAY = 1 AS c1 FROM one_row;
SELECT x'01' = 'a' AS c1 FROM one_row;

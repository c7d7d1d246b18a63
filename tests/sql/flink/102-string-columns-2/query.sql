-- String functions over columns with NULL, empty, unicode, blanks
CREATE TABLE s (s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/s.jsonl', 'format' = 'json');
SELECT CONCAT_WS(',', s, t, CAST(NULL AS STRING)) AS c1,
  CONCAT_WS(',', s) AS c2,
  s || t AS c3,
  s || '-' || t AS c4,
  ASCII(s) AS c5,
  CHR(n) AS c6,
  CHR(n + 300) AS c7,
  ENCODE(s, 'UTF-16BE') AS c8,
  DECODE(ENCODE(s, 'UTF-8'), 'UTF-8') AS c9,
  DECODE(ENCODE(s, 'UTF-16'), 'UTF-16') AS c10,
  ENCODE(s, 'US-ASCII') AS c11,
  TO_BASE64(s) AS c12
FROM s;
SELECT FROM_BASE64(TO_BASE64(s)) AS c1,
  SPLIT(s, t) AS c2,
  SPLIT(s, ',') AS c3,
  SPLIT_INDEX(s, t, n) AS c4,
  SPLIT_INDEX(s, ',', 1) AS c5,
  SPLIT_INDEX(s, ',', 2) AS c6,
  SPLIT_INDEX(s, ' ', 0) AS c7,
  SPLIT_INDEX(s, 44, 1) AS c8,
  ELT(n, s, t) AS c9,
  ELT(1, s) AS c10,
  TRANSLATE(s, 'ole', 'x') AS c11,
  TRANSLATE(s, '', 'x') AS c12
FROM s;
SELECT STARTSWITH(s, t) AS c1,
  ENDSWITH(s, t) AS c2,
  STARTSWITH(s, '') AS c3,
  s LIKE t AS c4,
  s LIKE '%o%' AS c5,
  s LIKE '_' AS c6,
  s LIKE '%' AS c7,
  s NOT LIKE 'h%' AS c8,
  s LIKE 'a,_,%' AS c9,
  s SIMILAR TO '(h|x)%' AS c10,
  s SIMILAR TO '%(o|b)+%' AS c11,
  s NOT SIMILAR TO 'h%' AS c12
FROM s;
SELECT GREATEST(s, t) AS c1,
  LEAST(s, t) AS c2,
  COALESCE(s, t) AS c3,
  COALESCE(CAST(NULL AS STRING), s, t, 'd') AS c4,
  IFNULL(s, 'none') AS c5,
  NULLIF(s, 'x') AS c6,
  NULLIF(s, t) AS c7
FROM s;
SELECT FROM_BASE64(s) AS c1 FROM s;
SELECT SPLIT(s, '') AS c1 FROM s;
SELECT STR_TO_MAP(s) AS c1 FROM s;
SELECT STR_TO_MAP(s, ' ', 'o') AS c1 FROM s;
SELECT TRANSLATE(s, t, 'z') AS c1 FROM s;

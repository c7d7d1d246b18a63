-- String functions over columns with NULL, empty, unicode, blanks
CREATE TABLE s (s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/s.jsonl', 'format' = 'json');
SELECT IF(s IS NULL, 'null', s) AS c1,
  s < t AS c2,
  s > 'h' AS c3,
  s BETWEEN 'a' AND 'i' AS c4,
  s NOT BETWEEN 'a' AND 'i' AS c5,
  s IN ('x', 'a,b,,c') AS c6,
  s NOT IN ('x', 'a,b,,c') AS c7,
  s IN ('x', CAST(NULL AS STRING)) AS c8,
  s IS DISTINCT FROM t AS c9,
  s IS NOT DISTINCT FROM t AS c10,
  IS_ALPHA(s) AS c11,
  IS_DIGIT(s) AS c12
FROM s;
SELECT IS_DECIMAL(s) AS c1,
  CASE s WHEN 'x' THEN 1 WHEN '' THEN 2 ELSE 3 END AS c2,
  CASE WHEN n > 1 THEN s WHEN n < 0 THEN t END AS c3,
  HEX(s) AS c4,
  UNHEX(HEX(s)) AS c5,
  UNHEX(s) AS c6,
  MD5(s) AS c7,
  SHA1(s) AS c8,
  SHA224(s) AS c9,
  SHA256(s) AS c10,
  SHA384(t) AS c11,
  SHA512(t) AS c12
FROM s;
SELECT SHA2(s, 256) AS c1,
  SHA2(t, 224) AS c2,
  URL_ENCODE(s) AS c3,
  URL_DECODE(URL_ENCODE(s)) AS c4,
  URL_DECODE(s) AS c5,
  JSON_UNQUOTE(s) AS c6,
  JSON_STRING(s) AS c7,
  PRINTF('%s|%d', s, n) AS c8,
  CAST(s AS VARCHAR(3)) AS c9,
  CAST(s AS CHAR(3)) AS c10,
  CAST(s AS CHAR(12)) AS c11,
  CAST(s AS BYTES) AS c12
FROM s;
SELECT CAST(CAST(s AS BYTES) AS STRING) AS c1,
  CAST(s AS VARBINARY(3)) AS c2,
  CAST(s AS BINARY(4)) AS c3,
  TRY_CAST(s AS INT) AS c4,
  CHAR_LENGTH(CAST(t AS CHAR(5))) AS c5,
  CAST(t AS CHAR(5)) || '!' AS c6
FROM s;
SELECT JSON_QUOTE(s) AS c1 FROM s;
SELECT JSON_UNQUOTE(JSON_QUOTE(s)) AS c1 FROM s;
SELECT PRINTF('%5s|%-5s|%05d', t, t, n) AS c1 FROM s;

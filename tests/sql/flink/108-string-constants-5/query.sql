-- String functions on literals: argument ranges, special patterns, result types
CREATE TABLE one_row (x INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/one_row.jsonl', 'format' = 'json');
SELECT IS_ALPHA('é') AS c1,
  IS_ALPHA('') AS c2,
  IS_DIGIT('12') AS c3,
  IS_DIGIT('1.2') AS c4,
  IS_DECIMAL('1.2') AS c5,
  IS_DECIMAL('-1e3') AS c6,
  IS_DECIMAL('1.') AS c7,
  IS_DECIMAL('abc') AS c8,
  IS_DECIMAL(1) AS c9,
  IS_ALPHA(1) AS c10,
  SHA2('abc', 512) AS c11,
  MD5(x'01') AS c12
FROM one_row;
SELECT SHA256(x'01') AS c1,
  INET_ATON('192.168.0.1') AS c2,
  INET_ATON('1.2') AS c3,
  INET_ATON('300.1.1.1') AS c4,
  INET_NTOA(3232235521) AS c5,
  INET_NTOA(-1) AS c6,
  INET_NTOA(4294967295) AS c7,
  CHAR_LENGTH(UUID()) AS c8,
  BTRIM('xxaxx', 'x') AS c9,
  BTRIM('abc', '') AS c10,
  LTRIM('xyxabc', 'xy') AS c11,
  RTRIM('abcxy', 'yx') AS c12
FROM one_row;
SELECT STARTSWITH(x'0102', x'01') AS c1,
  ENDSWITH('abc', '') AS c2,
  TRANSLATE('abc', 'abc', '') AS c3,
  TRANSLATE('aabb', 'aa', 'xy') AS c4,
  ASCII(CAST(NULL AS STRING)) AS c5,
  JSON_QUOTE('a"b\/é') AS c6,
  JSON_UNQUOTE('"a\u0041\n"') AS c7,
  JSON_UNQUOTE('"bad') AS c8,
  JSON_UNQUOTE('plain') AS c9
FROM one_row;
SELECT IS_DIGIT('١') AS c1 FROM one_row;
SELECT SHA2('abc', 1) AS c1 FROM one_row;
SELECT SHA2('abc', 0) AS c1 FROM one_row;
SELECT UUID() <> UUID() AS c1 FROM one_row;
SELECT TRANSLATE('abc', CAST(NULL AS STRING), 'x') AS c1 FROM one_row;
SELECT REGEXP_LIKE('abc', 'b') AS c1 FROM one_row;
SELECT LENGTH('abc') AS c1 FROM one_row;
SELECT CHARINDEX('a', 'b') AS c1 FROM one_row;
SELECT STRPOS('abc', 'b') AS c1 FROM one_row;
SELECT OCTET_LENGTH('é') AS c1 FROM one_row;
SELECT BIT_LENGTH('é') AS c1 FROM one_row;
SELECT SPACE(3) AS c1 FROM one_row;
SELECT SOUNDEX('abc') AS c1 FROM one_row;
SELECT LCASE('ABC') AS c1 FROM one_row;
SELECT UCASE('abc') AS c1 FROM one_row;

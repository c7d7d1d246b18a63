-- String functions on literals: argument ranges, special patterns, result types
CREATE TABLE one_row (x INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/one_row.jsonl', 'format' = 'json');
SELECT 'abc' SIMILAR TO '[[:ALPHA:]]+' AS c1,
  'abc' SIMILAR TO 'a#_c' ESCAPE '#' AS c2,
  PARSE_URL('http://user:pw@facebook.com:8080/path/p1.php?query=1&k=%20v#Ref', 'HOST') AS c3,
  PARSE_URL('http://user:pw@facebook.com:8080/path/p1.php?query=1&k=%20v#Ref', 'PATH') AS c4,
  PARSE_URL('http://user:pw@facebook.com:8080/path/p1.php?query=1&k=%20v#Ref', 'QUERY') AS c5,
  PARSE_URL('http://user:pw@facebook.com:8080/path/p1.php?query=1&k=%20v#Ref', 'QUERY', 'k') AS c6,
  PARSE_URL('http://user:pw@facebook.com:8080/path/p1.php?query=1&k=%20v#Ref', 'QUERY', 'nope') AS c7,
  PARSE_URL('http://user:pw@facebook.com:8080/path/p1.php?query=1&k=%20v#Ref', 'REF') AS c8,
  PARSE_URL('http://user:pw@facebook.com:8080/path/p1.php?query=1&k=%20v#Ref', 'PROTOCOL') AS c9,
  PARSE_URL('http://user:pw@facebook.com:8080/path/p1.php?query=1&k=%20v#Ref', 'FILE') AS c10,
  PARSE_URL('http://user:pw@facebook.com:8080/path/p1.php?query=1&k=%20v#Ref', 'AUTHORITY') AS c11,
  PARSE_URL('http://user:pw@facebook.com:8080/path/p1.php?query=1&k=%20v#Ref', 'USERINFO') AS c12
FROM one_row;
SELECT PARSE_URL('http://user:pw@facebook.com:8080/path/p1.php?query=1&k=%20v#Ref', 'host') AS c1,
  PARSE_URL('http://h', 'PATH') AS c2,
  PARSE_URL('http://h', 'QUERY') AS c3,
  PARSE_URL('not a url', 'HOST') AS c4,
  PARSE_URL('mailto:x@y.z', 'PATH') AS c5,
  URL_ENCODE('a b&c=é/~*') AS c6,
  URL_DECODE('a+b%26c%3D%C3%A9') AS c7,
  URL_DECODE('%zz') AS c8,
  URL_DECODE('%') AS c9,
  PRINTF('%d', 5) AS c10,
  PRINTF('%5.2f', 3.14159) AS c11,
  PRINTF('%5.2f', CAST(3.14159 AS DOUBLE)) AS c12
FROM one_row;
SELECT PRINTF('%x %o %X', 255, 8, 255) AS c1,
  PRINTF('%b %c', TRUE, 'c') AS c2,
  PRINTF('%s %s', 'a') AS c3,
  PRINTF('%d', 'x') AS c4,
  PRINTF('%%') AS c5,
  PRINTF('%,d', 1234567) AS c6,
  PRINTF('%e', CAST(12345.678 AS DOUBLE)) AS c7,
  PRINTF('%s', CAST(NULL AS STRING)) AS c8,
  PRINTF('%2$s %1$s', 'a', 'b') AS c9,
  CHR(0) AS c10,
  CHR(97) AS c11,
  CHR(353) AS c12
FROM one_row;
SELECT CHR(-1) AS c1,
  CHR(1000000) AS c2,
  ASCII('é') AS c3,
  ASCII('') AS c4,
  ASCII('0') AS c5,
  BIN(5) AS c6,
  BIN(-5) AS c7,
  BIN(CAST(5 AS BIGINT)) AS c8,
  BIN(0) AS c9,
  HEX(-1) AS c10,
  HEX(0) AS c11
FROM one_row;
SELECT PRINTF('%s', ARRAY[1,2]) AS c1 FROM one_row;

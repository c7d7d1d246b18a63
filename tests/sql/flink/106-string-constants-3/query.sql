-- String functions on literals: argument ranges, special patterns, result types
CREATE TABLE one_row (x INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/one_row.jsonl', 'format' = 'json');
SELECT HEX('') AS c1,
  UNHEX('616263') AS c2,
  UNHEX('zz') AS c3,
  DECODE(UNHEX('616263'), 'UTF-8') AS c4,
  FROM_BASE64('aGVsbG8') AS c5,
  TO_BASE64(x'ff00') AS c6,
  TO_BASE64('') AS c7,
  REPEAT('ab', 0) AS c8,
  REPEAT('ab', -1) AS c9,
  RPAD('hi', 0, 'x') AS c10,
  LPAD('hi', 1, '??') AS c11,
  LEFT('abc', 0) AS c12
FROM one_row;
SELECT LEFT('abc', -1) AS c1,
  RIGHT('abc', -1) AS c2,
  RIGHT('abc', 10) AS c3,
  SUBSTRING('abcdef', -2) AS c4,
  SUBSTRING('abcdef', -8, 4) AS c5,
  SUBSTRING('abcdef', 0, 2) AS c6,
  SUBSTRING('abcdef', 3, -1) AS c7,
  SUBSTRING('abcdef', 7) AS c8,
  SUBSTRING('abcdef', 2, 100) AS c9,
  OVERLAY('abc' PLACING 'XYZ' FROM 10) AS c10,
  OVERLAY('abc' PLACING 'XYZ' FROM -1) AS c11,
  OVERLAY('abc' PLACING 'XYZ' FROM 0) AS c12
FROM one_row;
SELECT OVERLAY('abcdef' PLACING 'XYZ' FROM 2 FOR -1) AS c1,
  INSTR('abcabc', 'c', -1) AS c2,
  INSTR('abcabc', 'b', -2) AS c3,
  INSTR('abcabc', 'b', -1, 2) AS c4,
  INSTR('abcabc', 'b', 0) AS c5,
  INSTR('', '') AS c6,
  LOCATE('', 'abc') AS c7,
  LOCATE('b', 'abcb', 3) AS c8,
  LOCATE('b', 'abcb', 0) AS c9,
  POSITION('' IN 'abc') AS c10,
  POSITION('z' IN 'abc') AS c11,
  SPLIT_INDEX('a,b', ',', -1) AS c12
FROM one_row;
SELECT SPLIT_INDEX('a,b', ',', 5) AS c1,
  SPLIT_INDEX('ab', '', 0) AS c2,
  SPLIT('abc', '') AS c3,
  SPLIT('', ',') AS c4
FROM one_row;
SELECT HEX(x'0aff') AS c1 FROM one_row;
SELECT UNHEX('6') AS c1 FROM one_row;
SELECT ENCODE('a', 'nope') AS c1 FROM one_row;
SELECT DECODE(x'61', 'nope') AS c1 FROM one_row;
SELECT FROM_BASE64('!!') AS c1 FROM one_row;
SELECT LPAD('hi', 5, '') AS c1 FROM one_row;
SELECT LPAD('hi', -1, 'x') AS c1 FROM one_row;
SELECT OVERLAY('abcdef' PLACING 'XYZ' FROM 2 FOR 0) AS c1 FROM one_row;

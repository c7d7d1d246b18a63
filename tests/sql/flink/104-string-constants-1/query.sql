-- String functions on literals: argument ranges, special patterns, result types
CREATE TABLE one_row (x INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/one_row.jsonl', 'format' = 'json');
SELECT REGEXP_REPLACE('foobar', 'oo|ar', '') AS c1,
  REGEXP_REPLACE('foobar', '(o)(b)', '$2$1') AS c2,
  REGEXP_REPLACE('foobar', 'o', '$9') AS c3,
  REGEXP_REPLACE('a.b.c', '\.', '\\') AS c4,
  REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 2) AS c5,
  REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)') AS c6,
  REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 0) AS c7,
  REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 5) AS c8,
  REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', -1) AS c9,
  REGEXP_EXTRACT('foothebar', 'xyz') AS c10,
  REGEXP_EXTRACT('foothebar', '(') AS c11,
  REGEXP_EXTRACT_ALL('a1b22c333', '[0-9]+') AS c12
FROM one_row;
SELECT REGEXP_EXTRACT_ALL('a1b22c333', '([a-z])([0-9]+)') AS c1,
  REGEXP_EXTRACT_ALL('a1b22c333', '([a-z])([0-9]+)', 2) AS c2,
  REGEXP_EXTRACT_ALL('a1b22c333', '[0-9]+', 0) AS c3,
  REGEXP_EXTRACT_ALL('a1b22c333', '[0-9]+', 3) AS c4,
  REGEXP_EXTRACT_ALL('abc', 'x', 0) AS c5,
  REGEXP_EXTRACT_ALL('abc', '(', 0) AS c6,
  REGEXP_COUNT('a1b22c333', '[0-9]+') AS c7,
  REGEXP_COUNT('aaaa', 'aa') AS c8,
  REGEXP_COUNT('abc', '') AS c9,
  REGEXP_COUNT('abc', '(') AS c10,
  REGEXP_INSTR('abc123', '[0-9]') AS c11,
  REGEXP_INSTR('abc', '[0-9]') AS c12
FROM one_row;
SELECT REGEXP_INSTR('abc', '(') AS c1,
  REGEXP_SUBSTR('abc123def', '[0-9]+') AS c2,
  REGEXP_SUBSTR('abc', '[0-9]+') AS c3,
  REGEXP_SUBSTR('abc', '(') AS c4,
  REGEXP('foobar', 'o+b') AS c5,
  REGEXP('foobar', '^o') AS c6,
  REGEXP('foobar', '(') AS c7,
  REGEXP('FOO', '(?i)foo') AS c8,
  'a%b' LIKE 'a\%b' ESCAPE '\' AS c9,
  'a%b' LIKE 'a!%b' ESCAPE '!' AS c10,
  'axb' LIKE 'a!%b' ESCAPE '!' AS c11,
  'a\b' LIKE 'a\b' AS c12
FROM one_row;
SELECT 'ABC' LIKE 'abc' AS c1,
  'a
b' LIKE 'a%' AS c2,
  'abc' SIMILAR TO 'a(b|c)*' AS c3,
  'abc' SIMILAR TO 'a_c' AS c4,
  'a.c' SIMILAR TO 'a.c' AS c5,
  'abc' SIMILAR TO 'a.c' AS c6,
  'abc' SIMILAR TO '[a-c]+' AS c7
FROM one_row;
SELECT REGEXP_REPLACE('foobar', '[', 'x') AS c1 FROM one_row;
SELECT 'foobar' RLIKE 'o+b' AS c1 FROM one_row;
SELECT 'axb' LIKE 'a!xb' ESCAPE '!' AS c1 FROM one_row;
SELECT 'ab' LIKE 'a!' ESCAPE '!' AS c1 FROM one_row;
SELECT 'a
b' LIKE 'a_b' AS c1 FROM one_row;

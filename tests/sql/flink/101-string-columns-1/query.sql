-- String functions over columns with NULL, empty, unicode, blanks
CREATE TABLE s (s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/s.jsonl', 'format' = 'json');
SELECT UPPER(s) AS c1,
  LOWER(s) AS c2,
  INITCAP(s) AS c3,
  CHAR_LENGTH(s) AS c4,
  CHARACTER_LENGTH(s) AS c5,
  REVERSE(s) AS c6,
  REPEAT(s, n) AS c7,
  LEFT(s, n) AS c8,
  RIGHT(s, n) AS c9,
  SUBSTRING(s, n) AS c10,
  SUBSTRING(s, n, 2) AS c11,
  SUBSTRING(s FROM n FOR 3) AS c12
FROM s;
SELECT SUBSTR(s, n) AS c1,
  SUBSTR(s, n, 2) AS c2,
  SUBSTRING(s, 2, n) AS c3,
  LPAD(s, n, t) AS c4,
  RPAD(s, n, t) AS c5,
  LPAD(s, 5, t) AS c6,
  TRIM(s) AS c7,
  TRIM(t FROM s) AS c8,
  TRIM(LEADING t FROM s) AS c9,
  TRIM(TRAILING t FROM s) AS c10,
  TRIM(BOTH 'x' FROM s) AS c11,
  LTRIM(s) AS c12
FROM s;
SELECT RTRIM(s) AS c1,
  LTRIM(s, t) AS c2,
  RTRIM(s, t) AS c3,
  BTRIM(s) AS c4,
  BTRIM(s, t) AS c5,
  BTRIM(s, 'held ') AS c6,
  REPLACE(s, t, '_') AS c7,
  REPLACE(s, t, t) AS c8,
  OVERLAY(s PLACING t FROM n) AS c9,
  OVERLAY(s PLACING t FROM n FOR 1) AS c10,
  OVERLAY(s PLACING 'ZZ' FROM 2 FOR n) AS c11,
  POSITION(t IN s) AS c12
FROM s;
SELECT INSTR(s, t) AS c1,
  INSTR(s, t, 2) AS c2,
  INSTR(s, t, -1) AS c3,
  INSTR(s, t, 1, 2) AS c4,
  LOCATE(t, s) AS c5,
  LOCATE(t, s, n) AS c6,
  LOCATE(t, s, 6) AS c7,
  CONCAT(s, t) AS c8,
  CONCAT(s, t, s) AS c9,
  CONCAT_WS(t, s, 'z') AS c10
FROM s;
SELECT RPAD(s, 15, t) AS c1 FROM s;
SELECT LPAD(s, 15, 'xy') AS c1 FROM s;

-- Literals, folding, DECIMAL types of results, division by zero, rounding
CREATE TABLE one_row (x INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/one_row.jsonl', 'format' = 'json');
SELECT 1.0e0 AS c1,
  -0.0 AS c2,
  0.1234567890123456789 AS c3,
  123456789012345678.9 AS c4,
  ROUND(2.5) AS c5,
  ROUND(3.5) AS c6,
  ROUND(-2.5) AS c7,
  ROUND(2.5e0) AS c8,
  ROUND(3.5e0) AS c9,
  ROUND(-2.5e0) AS c10,
  ROUND(1234.5678, 2) AS c11,
  ROUND(1234.5678, -2) AS c12
FROM one_row;
SELECT ROUND(1234.5678, 10) AS c1,
  ROUND(1234, -2) AS c2,
  ROUND(1250, -2) AS c3,
  ROUND(1350, -2) AS c4,
  ROUND(9999, -4) AS c5,
  ROUND(9.99, 1) AS c6,
  ROUND(2.675e0, 2) AS c7,
  ROUND(1.005e0, 2) AS c8,
  ROUND(CAST(1.25 AS FLOAT), 1) AS c9,
  ROUND(1, 2) AS c10,
  ROUND(CAST(NULL AS INT), 1) AS c11,
  TRUNCATE(1234.5678, 2) AS c12
FROM one_row;
SELECT TRUNCATE(1234.5678, -2) AS c1,
  TRUNCATE(-1.99) AS c2,
  TRUNCATE(42.324e0, 2) AS c3,
  TRUNCATE(123, -1) AS c4,
  CEIL(1.0) AS c5,
  CEIL(-1.5) AS c6,
  FLOOR(-1.5) AS c7,
  CEIL(1.5e0) AS c8,
  CEILING(1.2) AS c9,
  FLOOR(5) AS c10,
  ABS(-5) AS c11,
  ABS(-1.5) AS c12
FROM one_row;
SELECT SIGN(-2.5) AS c1,
  SIGN(0) AS c2,
  POWER(2, 10) AS c3,
  POWER(2, -1) AS c4,
  POWER(-8, 1.0/3) AS c5,
  POWER(0, 0) AS c6,
  SQRT(2) AS c7,
  SQRT(-1) AS c8
FROM one_row;
SELECT -0.0e0 AS c1 FROM one_row;
SELECT 12345678901234567890 AS c1 FROM one_row;
SELECT 1234567890123456789.0 AS c1 FROM one_row;
SELECT ABS(-2147483648) AS c1 FROM one_row;

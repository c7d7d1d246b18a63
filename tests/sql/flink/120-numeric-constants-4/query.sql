-- Literals, folding, DECIMAL types of results, division by zero, rounding
CREATE TABLE one_row (x INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/one_row.jsonl', 'format' = 'json');
SELECT SQRT(CAST(2 AS DECIMAL(10,2))) AS c1,
  LN(0) AS c2,
  LN(-1) AS c3,
  LN(1) AS c4,
  LOG10(1000) AS c5,
  LOG2(8) AS c6,
  LOG(8) AS c7,
  LOG(2, 8) AS c8,
  LOG(1, 8) AS c9,
  LOG10(0) AS c10,
  EXP(1) AS c11,
  EXP(1000) AS c12
FROM one_row;
SELECT E() AS c1,
  PI() AS c2,
  SIN(1) AS c3,
  ASIN(2) AS c4,
  COT(0) AS c5,
  ATAN2(0, 0) AS c6,
  ATAN2(1, -1) AS c7,
  DEGREES(PI()) AS c8,
  RADIANS(180) AS c9,
  RAND(1) < 1 AS c10,
  RAND_INTEGER(10) < 10 AS c11,
  RAND_INTEGER(1, 10) < 10 AS c12
FROM one_row;
SELECT RAND() >= 0 AS c1,
  GREATEST(1, 2.5) AS c2,
  GREATEST(1, CAST(NULL AS INT)) AS c3,
  LEAST(1, 2e0) AS c4,
  GREATEST(1, 2, 3.0, 4e0) AS c5,
  LEAST('b', 'a') AS c6,
  GREATEST(DATE '2026-01-01', DATE '2026-01-02') AS c7,
  GREATEST(TRUE, FALSE) AS c8,
  COALESCE(1, 2.5) AS c9,
  COALESCE(NULL, 1) AS c10,
  IF(TRUE, 1, 2.5) AS c11,
  IF(FALSE, 1, 2e0) AS c12
FROM one_row;
SELECT IFNULL(CAST(NULL AS INT), 2.5) AS c1,
  IFNULL(1, 2e0) AS c2,
  NULLIF(1, 1) AS c3,
  NULLIF(1, 2.0) AS c4,
  CASE WHEN TRUE THEN 1 ELSE 2.5 END AS c5,
  CASE WHEN TRUE THEN CAST(1 AS TINYINT) ELSE CAST(2 AS BIGINT) END AS c6,
  CASE WHEN FALSE THEN 1 END AS c7,
  CASE WHEN NULL THEN 1 ELSE 2 END AS c8,
  CASE 1 WHEN 1 THEN 'a' WHEN 1 THEN 'b' END AS c9
FROM one_row;
SELECT E AS c1 FROM one_row;
SELECT PI AS c1 FROM one_row;
SELECT COALESCE(NULL, NULL) AS c1 FROM one_row;

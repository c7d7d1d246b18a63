-- Array functions over columns with NULL arrays, NULL elements and nested types
CREATE TABLE a (a ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, r ARRAY<ROW<p INT, q STRING>>, n INT, d ARRAY<DECIMAL(5,2)>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/a.jsonl', 'format' = 'json');
SELECT JSON_STRING(a) AS c1,
  JSON_STRING(m) AS c2,
  JSON_STRING(r) AS c3
FROM a;

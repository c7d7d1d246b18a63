-- CAST of every type to text
CREATE TABLE one_row (x INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/one_row.jsonl', 'format' = 'json');
SELECT CAST(12.5 AS CHAR(6)) || '|' AS c1
FROM one_row;

-- Literals, folding, DECIMAL types of results, division by zero, rounding
CREATE TABLE one_row (x INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/one_row.jsonl', 'format' = 'json');
SELECT CAST(NULL AS INT) + 1 AS c1
FROM one_row;
SELECT NOT NULL AS c1 FROM one_row;
SELECT 1 ** 2 AS c1 FROM one_row;
SELECT 1 & 2 AS c1 FROM one_row;
SELECT 1 << 2 AS c1 FROM one_row;
SELECT ~1 AS c1 FROM one_row;
SELECT 1 DIV 2 AS c1 FROM one_row;

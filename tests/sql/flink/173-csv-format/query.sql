-- csv source: quotes, escapes, arrays, nested rows, types, missing and extra columns
CREATE TABLE t (i INT, s STRING, d DECIMAL(5,2), dt DATE, tm TIME, ts TIMESTAMP(3), b BOOLEAN, a ARRAY<STRING>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/t.csv', 'format' = 'csv', 'csv.ignore-parse-errors' = 'true');
CREATE TABLE nulls (i INT, s STRING, d STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/t.csv', 'format' = 'csv', 'csv.null-literal' = 'null', 'csv.ignore-parse-errors' = 'true');
CREATE TABLE short (i INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/short.csv', 'format' = 'csv');
CREATE TABLE short2 (i INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/short.csv', 'format' = 'csv', 'csv.ignore-parse-errors' = 'true');
CREATE TABLE pipe (i INT, s STRING, x STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/pipe.csv', 'format' = 'csv', 'csv.field-delimiter' = '|', 'csv.quote-character' = '''', 'csv.escape-character' = '\');
SELECT * FROM t;
SELECT * FROM nulls;
SELECT * FROM short;
SELECT * FROM short2;
SELECT * FROM pipe;

CREATE TABLE lines (line STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/lines.txt', 'format' = 'raw');
CREATE TABLE meta (line STRING, `file.name` STRING NOT NULL METADATA, len AS CHAR_LENGTH(line), up AS UPPER(line) || '!', size_ BIGINT NOT NULL METADATA FROM 'file.size') WITH ('connector' = 'filesystem', 'path' = '${CASE}/lines.txt', 'format' = 'raw');
CREATE TABLE two (a STRING, b STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/lines.txt', 'format' = 'raw');
SELECT * FROM lines;
SELECT line, `file.name`, len, up, size_ FROM meta;
SELECT * FROM two;
SELECT * FROM nometa;
SELECT w, COUNT(*) FROM lines CROSS JOIN UNNEST(SPLIT(line, ' ')) AS u (w) GROUP BY w;

-- Quoted and unicode names, reserved words, comments, case
CREATE TABLE `my table` (`select` INT, `a b` STRING, `größe` DOUBLE, `Mixed` BOOLEAN, `a``b` INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/t.jsonl', 'format' = 'json');
SELECT `select`, `a b`, `größe`, `Mixed`, `a``b` FROM `my table`;
SELECT t.`select` + 1 AS `from`, größe FROM `my table` t;
SELECT mixed FROM `my table`;
SELECT * FROM `My Table`;
SELECT COUNT(*) AS count FROM `my table`;
SELECT 1 AS year;
SELECT 1 AS `year`, 2 AS month_, 3 AS name, 4 AS type, 5 AS status, 6 AS id, 7 AS data;
SELECT 1 AS date;
SELECT 1 AS timestamp;
SELECT 1 AS value;
SELECT 1 AS rank;
SELECT 1 AS position;
SELECT 1 AS key, 2 AS topic, 3 AS url, 4 AS day_;
SELECT 1 AS result, 2 AS level, 3 AS hour_of_day, 4 AS zone;
SELECT 1 AS user;
SELECT 1 AS order_;
SELECT 1 AS `order`, 2 AS `group`;
SELECT 1 AS size, 2 AS total, 3 AS price, 4 AS amount, 5 AS city, 6 AS state, 7 AS country;
SELECT 1 AS method;
SELECT 1 AS percent;
SELECT 1 AS start;
SELECT 1 AS `end`;
SELECT 1 AS time_, 2 AS second_;
SELECT 1 AS language, 2 AS domain, 3 AS class, 4 AS role;
SELECT  1 AS x;
SELECT 1 
AS x;

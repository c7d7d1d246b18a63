SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE t0 (
  id INT NOT NULL,
  k INT,
  v BIGINT,
  w INT,
  PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'filesystem', 'path' = '/t0', 'format' = 'debezium-json');
(SELECT DATE '2024-02-27' AS c0, (SELECT COUNT(DISTINCT a2.v) AS c0 FROM t0 AS a2 WHERE FALSE) AS c1, (SELECT COUNT(DISTINCT a2.v) AS c0 FROM t0 AS a2 WHERE FALSE) AS c2, EXTRACT(DOW FROM TIMESTAMP '2024-02-29 00:01:00.000') AS c3 FROM t0 AS a1) EXCEPT (SELECT DATE '2024-02-27' AS c0, (a3.v - a3.v) AS c1, a3.v AS c2, a3.v AS c3 FROM t0 AS a3);

-- Interval joins of all kinds, strict and inclusive bounds, NULL keys, outer rows
CREATE TABLE ord (oid INT, cid INT, price DECIMAL(8,2), ots TIMESTAMP(3), WATERMARK FOR ots AS ots) WITH ('connector' = 'filesystem', 'path' = '${CASE}/ord.jsonl', 'format' = 'json');
CREATE TABLE ship (oid INT, carrier STRING, sts TIMESTAMP(3), WATERMARK FOR sts AS sts) WITH ('connector' = 'filesystem', 'path' = '${CASE}/ship.jsonl', 'format' = 'json');
SELECT o.oid, s.carrier FROM ord o JOIN ship s ON o.oid = s.oid AND s.sts BETWEEN o.ots AND o.ots + INTERVAL '1' HOUR;
SELECT o.oid, s.carrier FROM ord o LEFT JOIN ship s ON o.oid = s.oid AND s.sts BETWEEN o.ots AND o.ots + INTERVAL '1' HOUR;
SELECT o.oid, s.oid, s.carrier FROM ord o RIGHT JOIN ship s ON o.oid = s.oid AND s.sts >= o.ots AND s.sts < o.ots + INTERVAL '1' HOUR;
SELECT o.oid, s.oid FROM ord o FULL JOIN ship s ON o.oid = s.oid AND o.ots >= s.sts - INTERVAL '1' HOUR AND o.ots <= s.sts;
SELECT o.oid, s.oid FROM ord o JOIN ship s ON o.oid = s.oid AND s.sts > o.ots - INTERVAL '5' MINUTE AND s.sts < o.ots + INTERVAL '5' MINUTE;
SELECT o.oid, s.oid FROM ord o JOIN ship s ON o.oid = s.oid AND o.ots = s.sts;
SELECT o.oid, s.oid FROM ord o JOIN ship s ON s.sts BETWEEN o.ots AND o.ots + INTERVAL '10' MINUTE AND o.oid = s.oid AND o.price > 3;
SELECT o.oid, s.oid FROM ord o LEFT JOIN ship s ON o.oid = s.oid AND s.sts BETWEEN o.ots AND o.ots + INTERVAL '1' HOUR AND s.carrier <> 'ups';
SELECT TUMBLE_START(o.ots, INTERVAL '1' HOUR), COUNT(*) FROM ord o JOIN ship s ON o.oid = s.oid AND s.sts BETWEEN o.ots AND o.ots + INTERVAL '1' HOUR GROUP BY TUMBLE(o.ots, INTERVAL '1' HOUR);

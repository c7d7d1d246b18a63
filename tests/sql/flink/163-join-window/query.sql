-- Window joins over TUMBLE, HOP, CUMULATE; outer, semi, anti
CREATE TABLE ord (oid INT, cid INT, price DECIMAL(8,2), ots TIMESTAMP(3), WATERMARK FOR ots AS ots) WITH ('connector' = 'filesystem', 'path' = '${CASE}/ord.jsonl', 'format' = 'json');
CREATE TABLE ship (oid INT, carrier STRING, sts TIMESTAMP(3), WATERMARK FOR sts AS sts) WITH ('connector' = 'filesystem', 'path' = '${CASE}/ship.jsonl', 'format' = 'json');
CREATE VIEW ow AS SELECT * FROM TABLE(TUMBLE(TABLE ord, DESCRIPTOR(ots), INTERVAL '30' MINUTE));
CREATE VIEW sw AS SELECT * FROM TABLE(TUMBLE(TABLE ship, DESCRIPTOR(sts), INTERVAL '30' MINUTE));
SELECT o.oid, s.oid, s.carrier, o.window_start FROM ow o JOIN sw s ON o.oid = s.oid AND o.window_start = s.window_start AND o.window_end = s.window_end;
SELECT o.oid, s.oid, s.window_start FROM ow o LEFT JOIN sw s ON o.oid = s.oid AND o.window_start = s.window_start AND o.window_end = s.window_end;
SELECT o.oid, s.oid FROM ow o FULL JOIN sw s ON o.window_start = s.window_start AND o.window_end = s.window_end;
SELECT o.oid FROM ow o WHERE o.oid IN (SELECT oid FROM sw s WHERE o.window_start = s.window_start AND o.window_end = s.window_end);
SELECT o.oid FROM ow o WHERE NOT EXISTS (SELECT * FROM sw s WHERE s.oid = o.oid AND o.window_start = s.window_start AND o.window_end = s.window_end);
SELECT o.oid, s.oid FROM ow o JOIN sw s ON o.oid = s.oid AND o.window_start = s.window_start;
SELECT o.oid, s.oid, o.window_start FROM (SELECT * FROM TABLE(HOP(TABLE ord, DESCRIPTOR(ots), INTERVAL '30' MINUTE, INTERVAL '1' HOUR))) o JOIN (SELECT * FROM TABLE(HOP(TABLE ship, DESCRIPTOR(sts), INTERVAL '30' MINUTE, INTERVAL '1' HOUR))) s ON o.oid = s.oid AND o.window_start = s.window_start AND o.window_end = s.window_end;
SELECT o.oid, s.oid, o.window_end FROM (SELECT * FROM TABLE(CUMULATE(TABLE ord, DESCRIPTOR(ots), INTERVAL '30' MINUTE, INTERVAL '1' HOUR))) o JOIN (SELECT * FROM TABLE(CUMULATE(TABLE ship, DESCRIPTOR(sts), INTERVAL '30' MINUTE, INTERVAL '1' HOUR))) s ON o.oid = s.oid AND o.window_start = s.window_start AND o.window_end = s.window_end;

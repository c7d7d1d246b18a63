-- Windows joined, aggregated again, filtered, with late rows on either side
CREATE TABLE ord (oid INT, cid INT, price DECIMAL(8,2), ots TIMESTAMP(3), WATERMARK FOR ots AS ots) WITH ('connector' = 'filesystem', 'path' = '${CASE}/ord.jsonl', 'format' = 'json');
CREATE TABLE ship (oid INT, carrier STRING, sts TIMESTAMP(3), WATERMARK FOR sts AS sts) WITH ('connector' = 'filesystem', 'path' = '${CASE}/ship.jsonl', 'format' = 'json');
SELECT a.window_start, a.n, b.n FROM (SELECT window_start, window_end, COUNT(*) n FROM TABLE(TUMBLE(TABLE ord, DESCRIPTOR(ots), INTERVAL '30' MINUTE)) GROUP BY window_start, window_end) a FULL JOIN (SELECT window_start, window_end, COUNT(*) n FROM TABLE(TUMBLE(TABLE ship, DESCRIPTOR(sts), INTERVAL '30' MINUTE)) GROUP BY window_start, window_end) b ON a.window_start = b.window_start AND a.window_end = b.window_end;
SELECT window_start, window_end, COUNT(*) FROM (SELECT o.window_start, o.window_end, o.oid FROM (SELECT * FROM TABLE(TUMBLE(TABLE ord, DESCRIPTOR(ots), INTERVAL '1' HOUR))) o JOIN (SELECT * FROM TABLE(TUMBLE(TABLE ship, DESCRIPTOR(sts), INTERVAL '1' HOUR))) s ON o.oid = s.oid AND o.window_start = s.window_start AND o.window_end = s.window_end) GROUP BY window_start, window_end;
SELECT window_start, oid FROM TABLE(TUMBLE(TABLE ord, DESCRIPTOR(ots), INTERVAL '30' MINUTE)) WHERE price > 5;
SELECT window_start, SUM(price) FROM TABLE(TUMBLE((SELECT * FROM ord WHERE price > 5), DESCRIPTOR(ots), INTERVAL '30' MINUTE)) GROUP BY window_start, window_end;
SELECT window_start, SUM(price) FROM (SELECT * FROM TABLE(TUMBLE(TABLE ord, DESCRIPTOR(ots), INTERVAL '30' MINUTE)) WHERE price > 5) GROUP BY window_start, window_end;
SELECT window_start, window_end, cid, SUM(price) FROM TABLE(TUMBLE(TABLE ord, DESCRIPTOR(ots), INTERVAL '1' HOUR)) GROUP BY ROLLUP (cid), window_start, window_end;
SELECT window_start, MAX(s) FROM (SELECT window_start, window_end, cid, SUM(price) s FROM TABLE(TUMBLE(TABLE ord, DESCRIPTOR(ots), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, cid) GROUP BY window_start, window_end;
SELECT TIMESTAMPDIFF(MINUTE, window_start, window_end), DATE_FORMAT(window_end, 'HH:mm'), COUNT(*) FROM TABLE(TUMBLE(TABLE ord, DESCRIPTOR(ots), INTERVAL '30' MINUTE)) GROUP BY window_start, window_end;
SELECT window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE ord, DESCRIPTOR(ots), INTERVAL '30' MINUTE)) GROUP BY window_end;
SELECT window_start, window_end, window_time, COUNT(*) FROM TABLE(TUMBLE(TABLE ord, DESCRIPTOR(ots), INTERVAL '30' MINUTE)) GROUP BY window_start, window_end, window_time;

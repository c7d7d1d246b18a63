-- Interval joins of inputs that are out of order, with late rows and NULL keys
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE l (lid INT, k STRING, lv INT, lts TIMESTAMP(3), WATERMARK FOR lts AS lts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${CASE}/l.jsonl', 'format' = 'json');
CREATE TABLE r (rid INT, k STRING, rv INT, rts TIMESTAMP(3), WATERMARK FOR rts AS rts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${CASE}/r.jsonl', 'format' = 'json');
SELECT lid, rid FROM l FULL JOIN r ON l.k = r.k AND lv = rv AND lts >= rts - INTERVAL '3' SECOND AND lts < rts + INTERVAL '3' SECOND;
SELECT l.k, COUNT(*) FROM l JOIN r ON l.k = r.k AND lts BETWEEN rts - INTERVAL '6' SECOND AND rts GROUP BY l.k;
SELECT lid, rid FROM l, r WHERE l.k = r.k AND lts > rts AND lts <= rts + INTERVAL '5' SECOND AND lv < rv;
SELECT window_start, COUNT(*) FROM (SELECT lts, rid FROM l JOIN r ON l.k = r.k AND rts BETWEEN lts AND lts + INTERVAL '5' SECOND) GROUP BY lts;
SELECT lid, rid FROM l JOIN r ON rts BETWEEN lts AND lts + INTERVAL '1' SECOND;
SELECT lid FROM l WHERE EXISTS (SELECT 1 FROM r WHERE r.k = l.k AND rts BETWEEN lts - INTERVAL '2' SECOND AND lts + INTERVAL '2' SECOND);
SELECT a.lid, b.lid FROM l a JOIN l b ON a.k = b.k AND b.lts BETWEEN a.lts + INTERVAL '1' SECOND AND a.lts + INTERVAL '6' SECOND;
SELECT a.lid, b.lid FROM l a LEFT JOIN l b ON a.k = b.k AND b.lts BETWEEN a.lts - INTERVAL '3' SECOND AND a.lts - INTERVAL '1' SECOND;

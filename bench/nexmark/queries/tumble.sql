-- Not of nexmark: the same aggregation as hop, by windows that don't overlap.
CREATE TABLE sink (k BIGINT, bids BIGINT, window_end TIMESTAMP(3)) WITH (${SINK});
INSERT INTO sink SELECT k, COUNT(*), window_end FROM (
  SELECT MOD(auction, 100) AS k, window_start, window_end
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '1' HOUR))
) GROUP BY k, window_start, window_end;

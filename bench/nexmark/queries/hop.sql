-- Not of nexmark: a window that is made of 3,600 panes. Run by name, beside tumble.
CREATE TABLE sink (k BIGINT, bids BIGINT, window_end TIMESTAMP(3)) WITH (${SINK});
INSERT INTO sink SELECT k, COUNT(*), window_end FROM (
  SELECT MOD(auction, 100) AS k, window_start, window_end
  FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '1' SECOND, INTERVAL '1' HOUR))
) GROUP BY k, window_start, window_end;

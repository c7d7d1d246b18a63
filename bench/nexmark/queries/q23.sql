-- Bids, their auctions and the sellers.
CREATE TABLE sink (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, bid_dateTime TIMESTAMP(3), bid_extra STRING, itemName STRING,
  description STRING, initialBid BIGINT, reserve BIGINT, expires TIMESTAMP(3), seller BIGINT, category BIGINT, name STRING, city STRING, state STRING)
WITH (${SINK});
INSERT INTO sink SELECT B.auction, B.bidder, B.price, B.channel, B.url, B.`dateTime`, B.extra, A.itemName, A.description, A.initialBid, A.reserve, A.expires,
  A.seller, A.category, P.name, P.city, P.state FROM bid B JOIN auction A ON B.auction = A.id JOIN person P ON A.seller = P.id
WHERE A.category = 10 AND B.price > 1000000;

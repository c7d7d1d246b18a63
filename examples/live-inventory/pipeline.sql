-- What is on the shelf right now, what must be ordered, and what is bought together: three tables that follow every change of an
-- order. The same file runs on Apache Flink.
-- ${KAFKA}: bootstrap address   ${BOUNDED}: unbounded or latest-offset
SET 'pipeline.name' = 'live-inventory';

-- Goods that come in: events, each of which happened for good.
CREATE TABLE deliveries (
  delivery_id STRING,
  sku         STRING,
  quantity    INT,
  ts          TIMESTAMP(3)
) WITH (
  'connector' = 'kafka',
  'topic' = 'deliveries',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = '${BOUNDED}',
  'format' = 'json'
);

-- Lines of orders: rows of the shop's database, as change events. A customer who changes his mind updates a line, one who cancels
-- deletes it, and whatever was counted with the old row is taken back.
CREATE TABLE order_lines (
  order_id BIGINT,
  sku      STRING,
  quantity INT,
  PRIMARY KEY (order_id, sku) NOT ENFORCED
) WITH (
  'connector' = 'kafka',
  'topic' = 'shop.public.order_lines',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = '${BOUNDED}',
  'format' = 'debezium-json'
);

-- The catalogue: the newest value of each key counts. A buyer who sets another level changes the alerts at once.
CREATE TABLE products (
  sku           STRING,
  name          STRING,
  reorder_level INT,
  PRIMARY KEY (sku) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'products',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.bounded.mode' = '${BOUNDED}',
  'key.format' = 'json',
  'value.format' = 'json'
);

-- 1. Stock: the sum of all movements.
CREATE VIEW current_stock AS
SELECT sku, SUM(delivered) AS delivered, SUM(ordered) AS ordered, SUM(delivered) - SUM(ordered) AS available
FROM (
  SELECT sku, quantity AS delivered, 0 AS ordered FROM deliveries
  UNION ALL
  SELECT sku, 0, quantity FROM order_lines
)
GROUP BY sku;

CREATE TABLE stock (
  sku       STRING,
  delivered INT,
  ordered   INT,
  available INT,
  PRIMARY KEY (sku) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka', 'topic' = 'stock', 'properties.bootstrap.servers' = '${KAFKA}',
  'key.format' = 'json', 'value.format' = 'json'
);

-- 2. What is running low. A product that is delivered again leaves the table: its key gets a tombstone.
CREATE TABLE low_stock (
  sku           STRING,
  name          STRING,
  available     INT,
  reorder_level INT,
  PRIMARY KEY (sku) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka', 'topic' = 'low-stock', 'properties.bootstrap.servers' = '${KAFKA}',
  'key.format' = 'json', 'value.format' = 'json'
);

-- 3. "Others also bought": in how many orders two products are together.
CREATE VIEW bought_together AS
SELECT a.sku, b.sku AS other_sku, COUNT(*) AS orders
FROM order_lines AS a
JOIN order_lines AS b ON a.order_id = b.order_id AND a.sku <> b.sku
GROUP BY a.sku, b.sku;

CREATE TABLE recommendations (
  sku       STRING,
  place     BIGINT,     -- 1 to 3
  other_sku STRING,
  orders    BIGINT,
  PRIMARY KEY (sku, place) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka', 'topic' = 'recommendations', 'properties.bootstrap.servers' = '${KAFKA}',
  'key.format' = 'json', 'value.format' = 'json'
);

EXECUTE STATEMENT SET
BEGIN

INSERT INTO stock SELECT sku, delivered, ordered, available FROM current_stock;

INSERT INTO low_stock
SELECT p.sku, p.name, s.available, p.reorder_level
FROM current_stock AS s
JOIN products AS p ON s.sku = p.sku
WHERE s.available < p.reorder_level;

INSERT INTO recommendations
SELECT sku, place, other_sku, orders
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY sku ORDER BY orders DESC, other_sku) AS place
  FROM bought_together
)
WHERE place <= 3;

END;

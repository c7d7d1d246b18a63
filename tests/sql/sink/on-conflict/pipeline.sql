-- Rows of several keys of the query on one key of the sink: DO NOTHING keeps the first that is there when the
-- watermark passes, DO DEDUPLICATE shows the last that is there, DO ERROR fails where there are two, and here there never are.
CREATE TABLE person (id INT, room INT, name STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0.001' SECOND, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'person', 'properties.bootstrap.servers' = 'localhost:9092', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', 'value.format' = 'debezium-json');
CREATE TABLE first_in_room (room INT PRIMARY KEY NOT ENFORCED, name STRING)
WITH ('connector' = 'upsert-kafka', 'topic' = 'first', 'properties.bootstrap.servers' = 'localhost:9092', 'key.format' = 'json', 'value.format' = 'json');
CREATE TABLE last_in_room (room INT PRIMARY KEY NOT ENFORCED, name STRING)
WITH ('connector' = 'upsert-kafka', 'topic' = 'last', 'properties.bootstrap.servers' = 'localhost:9092', 'key.format' = 'json', 'value.format' = 'json');
CREATE TABLE swapped (room INT PRIMARY KEY NOT ENFORCED, name STRING)
WITH ('connector' = 'upsert-kafka', 'topic' = 'swapped', 'properties.bootstrap.servers' = 'localhost:9092', 'key.format' = 'json', 'value.format' = 'json');
EXECUTE STATEMENT SET BEGIN
INSERT INTO first_in_room SELECT room, name FROM person ON CONFLICT DO NOTHING;
INSERT INTO last_in_room SELECT room, name FROM person ON CONFLICT DO DEDUPLICATE;
INSERT INTO swapped SELECT room, name FROM person WHERE id IN (1, 4, 6) ON CONFLICT DO ERROR;
END;

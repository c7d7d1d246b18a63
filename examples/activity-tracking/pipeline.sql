-- What people do in a product: visits, the way from signing up to working with others, who was seen when, and how many are active.
-- The same file runs on Apache Flink.
-- ${KAFKA}: bootstrap address   ${BOUNDED}: unbounded or latest-offset   ${OUT}: folder for files
SET 'pipeline.name' = 'activity-tracking';
SET 'table.exec.source.idle-timeout' = '10 s';

CREATE TABLE activity (
  user_id  STRING,
  action   STRING,        -- sign_up, open, create_project, invite, comment, complete_task
  platform STRING,        -- web, ios, android
  ts       TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '1' MINUTE    -- telephones send what they did when they have a network again
) WITH (
  'connector' = 'kafka',
  'topic' = 'activity',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = '${BOUNDED}',
  'format' = 'json'
);

-- 1. Visits: actions of one person with at most fifteen minutes between them. In files, a folder for each day.
CREATE TABLE visits (
  user_id       STRING,
  visit_start   TIMESTAMP(3),
  last_action   TIMESTAMP(3),
  actions       BIGINT,
  kinds         BIGINT,       -- different ones
  platforms     BIGINT,
  minutes       INT,
  visit_date    STRING
) PARTITIONED BY (visit_date) WITH (
  'connector' = 'filesystem', 'path' = '${OUT}/visits', 'format' = 'parquet', 'sink.rolling-policy.rollover-interval' = '5 min'
);

-- 2. The funnel: signed up, made a project, invited somebody, in this order and within a day, whatever was done in between.
CREATE TABLE activations (
  user_id           STRING,
  signed_up         TIMESTAMP(3),
  first_project     TIMESTAMP(3),
  first_invitation  TIMESTAMP(3),
  actions_between   BIGINT,
  minutes           INT
) WITH (
  'connector' = 'kafka', 'topic' = 'activations', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json',
  'key.format' = 'json', 'key.fields' = 'user_id'
);

-- 3. Last seen: the newest action of each person, in a compacted topic that other services keep in memory.
CREATE TABLE last_seen (
  user_id  STRING,
  action   STRING,
  platform STRING,
  ts       TIMESTAMP(3),
  PRIMARY KEY (user_id) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka', 'topic' = 'last-seen', 'properties.bootstrap.servers' = '${KAFKA}',
  'key.format' = 'json', 'value.format' = 'json'
);

-- 4. Active people of the last quarter of an hour, every five minutes.
CREATE TABLE active_users (
  window_start TIMESTAMP(3),
  window_end   TIMESTAMP(3),
  users        BIGINT,
  on_phones    BIGINT,
  workers      BIGINT,        -- did more than look
  actions      BIGINT
) WITH (
  'connector' = 'kafka', 'topic' = 'active-users', 'properties.bootstrap.servers' = '${KAFKA}', 'format' = 'json'
);

EXECUTE STATEMENT SET
BEGIN

INSERT INTO visits
SELECT user_id, window_start, MAX(ts), COUNT(*), COUNT(DISTINCT action), COUNT(DISTINCT platform),
       CAST(TIMESTAMPDIFF(MINUTE, window_start, MAX(ts)) AS INT), DATE_FORMAT(window_start, 'yyyy-MM-dd')
FROM TABLE(SESSION(TABLE activity PARTITION BY user_id, DESCRIPTOR(ts), INTERVAL '15' MINUTE))
GROUP BY user_id, window_start, window_end;

-- What may be in between is said, too: anything but the next step, so the first project and the first invitation are found.
INSERT INTO activations
SELECT user_id, signed_up, first_project, first_invitation, others, CAST(TIMESTAMPDIFF(MINUTE, signed_up, first_invitation) AS INT)
FROM activity
MATCH_RECOGNIZE (
  PARTITION BY user_id
  ORDER BY ts
  MEASURES
    sign_up.ts                            AS signed_up,
    project.ts                            AS first_project,
    invitation.ts                         AS first_invitation,
    COUNT(looks.ts) + COUNT(works.ts)     AS others
  ONE ROW PER MATCH
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (sign_up looks* project works* invitation) WITHIN INTERVAL '1' DAY
  DEFINE
    sign_up    AS sign_up.action = 'sign_up',
    looks      AS looks.action <> 'create_project',
    works      AS works.action <> 'invite',
    project    AS project.action = 'create_project',
    invitation AS invitation.action = 'invite'
);

INSERT INTO last_seen
SELECT user_id, action, platform, ts
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY ts DESC) AS newness FROM activity)
WHERE newness = 1;

INSERT INTO active_users
SELECT window_start, window_end,
       COUNT(DISTINCT user_id),
       COUNT(DISTINCT user_id) FILTER (WHERE platform <> 'web'),
       COUNT(DISTINCT user_id) FILTER (WHERE action <> 'open'),
       COUNT(*)
FROM TABLE(HOP(TABLE activity, DESCRIPTOR(ts), INTERVAL '5' MINUTE, INTERVAL '15' MINUTE))
GROUP BY window_start, window_end;

END;

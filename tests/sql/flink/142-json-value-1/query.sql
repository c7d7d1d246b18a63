-- JSON_VALUE with RETURNING, ON EMPTY, ON ERROR, lax and strict, over a column and literals
CREATE TABLE j (j STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/j.jsonl', 'format' = 'json');
SELECT JSON_VALUE(j, '$.a') AS c1,
  JSON_VALUE(j, '$.b') AS c2,
  JSON_VALUE(j, '$.c') AS c3,
  JSON_VALUE(j, '$.d') AS c4,
  JSON_VALUE(j, '$.e') AS c5,
  JSON_VALUE(j, '$.f') AS c6,
  JSON_VALUE(j, '$.f[0]') AS c7,
  JSON_VALUE(j, '$.f[2].g') AS c8,
  JSON_VALUE(j, '$.f[*]') AS c9,
  JSON_VALUE(j, '$.f[-1]') AS c10,
  JSON_VALUE(j, '$.f[last]') AS c11,
  JSON_VALUE(j, '$[1]') AS c12
FROM j;
SELECT JSON_VALUE(j, '$') AS c1,
  JSON_VALUE(j, '$.o') AS c2,
  JSON_VALUE(j, '$.o.p') AS c3,
  JSON_VALUE(j, '$.a.b[1].c') AS c4,
  JSON_VALUE(j, '$.a.b[*].c') AS c5,
  JSON_VALUE(j, '$..c') AS c6,
  JSON_VALUE(j, '$[''a b'']') AS c7,
  JSON_VALUE(j, '$."a b"') AS c8,
  JSON_VALUE(j, '$.é') AS c9,
  JSON_VALUE(j, 'lax $.a') AS c10,
  JSON_VALUE(j, 'strict $.b') AS c11,
  JSON_VALUE(j, 'strict $.nope' NULL ON EMPTY) AS c12
FROM j;
SELECT JSON_VALUE(j, '$.nope' DEFAULT 'def' ON EMPTY) AS c1,
  JSON_VALUE(j, '$.nope' DEFAULT 'def' ON ERROR) AS c2,
  JSON_VALUE(j, '$.f' DEFAULT 'err' ON ERROR) AS c3,
  JSON_VALUE(j, '$.b' DEFAULT 'emp' ON EMPTY DEFAULT 'err' ON ERROR) AS c4,
  JSON_VALUE(j, 'strict $.b' DEFAULT 'emp' ON EMPTY DEFAULT 'err' ON ERROR) AS c5,
  JSON_VALUE(j, '$.a' RETURNING STRING) AS c6,
  JSON_VALUE(j, '$.e' RETURNING BOOLEAN) AS c7,
  JSON_VALUE(j, '$.d' RETURNING DOUBLE) AS c8,
  JSON_VALUE(j, '$.nope' RETURNING INTEGER DEFAULT 7 ON EMPTY) AS c9,
  JSON_VALUE(j, '$.nope' RETURNING INTEGER DEFAULT 7 ON EMPTY DEFAULT 8 ON ERROR) AS c10,
  JSON_EXISTS(j, '$.a') AS c11,
  JSON_EXISTS(j, '$.c') AS c12
FROM j;
SELECT JSON_EXISTS(j, '$.f[5]') AS c1,
  JSON_EXISTS(j, '$[0]') AS c2,
  JSON_EXISTS(j, '$.a.b') AS c3,
  JSON_EXISTS(j, 'strict $.a' FALSE ON ERROR) AS c4,
  JSON_EXISTS(j, 'strict $.a' TRUE ON ERROR) AS c5,
  JSON_EXISTS(j, 'strict $.a' UNKNOWN ON ERROR) AS c6,
  JSON_QUERY(j, '$') AS c7,
  JSON_QUERY(j, '$.a') AS c8,
  JSON_QUERY(j, '$.f') AS c9,
  JSON_QUERY(j, '$.f[2]') AS c10,
  JSON_QUERY(j, '$.o' WITH WRAPPER) AS c11
FROM j;
SELECT JSON_EXISTS(j, '$.f[?(@ > 1)]') AS c1 FROM j;

"""A job that computes for long on each batch: the node answers beside it."""
import support

SCRIPT = """
CREATE TABLE readings (k BIGINT, v BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100000', 'number-of-rows' = '60000',
    'fields.k.min' = '0', 'fields.k.max' = '1000000000', 'fields.v.min' = '0', 'fields.v.max' = '9');
CREATE TABLE nowhere (k BIGINT, s BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO nowhere SELECT k, SUM(v) OVER (ORDER BY k) FROM readings;
"""


def test_the_node_answers_beside_an_over_query_of_one_partition(tmp_path):
    node = support.Node(str(tmp_path)).start()
    try:
        [job] = node.submit(SCRIPT)

        def rows_in():
            return max(operator["rows_in"] for operator in node.api(f"/jobs/{job}")["operators"])

        support.wait_until(lambda: rows_in() >= 60_000, "all rows in one partition", 120)
        support.wait_until(lambda: node.api(f"/jobs/{job}")["state"] == "FINISHED", "the end of the job", 120)
    finally:
        node.stop()

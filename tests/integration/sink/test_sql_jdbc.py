"""SQL into PostgreSQL where the table's key is not the query's: ON CONFLICT DO DEDUPLICATE, and what is said without it."""
import json
import subprocess

import support

# Rows of two ids meet in one v; what is taken back lets the row before it come to light again.
CHANGES = [
    (None, {"id": 1, "v": "x"}), (None, {"id": 2, "v": "x"}), ({"id": 1, "v": "x"}, {"id": 1, "v": "y"}), (None, {"id": 3, "v": "y"}),
    (None, {"id": 4, "v": "z"}), ({"id": 2, "v": "x"}, None), ({"id": 3, "v": "y"}, None), (None, {"id": 5, "v": "z"}), ({"id": 4, "v": "z"}, None)]

SCRIPT = """CREATE TABLE i (id INT, v STRING, PRIMARY KEY (id) NOT ENFORCED)
    WITH ('connector' = 'filesystem', 'path' = '${DIR}/i.jsonl', 'format' = 'debezium-json');
  CREATE TABLE s (v STRING, id INT, PRIMARY KEY (v) NOT ENFORCED)
    WITH ('connector' = 'jdbc', 'url' = '${URL}', 'table-name' = 'latest', 'username' = 'postgres');
  %s"""


def run(tmp_path, postgres, insert):
    postgres.query("DROP TABLE IF EXISTS latest")
    postgres.query("CREATE TABLE latest (v text PRIMARY KEY, id int)")
    op = {(True, False): "c", (False, False): "u", (False, True): "d"}
    (tmp_path / "i.jsonl").write_text("".join(
        json.dumps({"before": before, "after": after, "op": op[before is None, after is None]}) + "\n" for before, after in CHANGES))
    (tmp_path / "q.sql").write_text(SCRIPT % insert)
    return subprocess.run([support.BINARY, "run", str(tmp_path / "q.sql"), "-D", f"DIR={tmp_path}", "-D", f"URL={postgres.jdbc_url}"],
                          capture_output=True, text=True, timeout=90)


def test_the_last_row_of_a_key_wins_and_the_one_before_it_comes_back(tmp_path, postgres):
    result = run(tmp_path, postgres, "INSERT INTO s SELECT v, id FROM i ON CONFLICT DO DEDUPLICATE;")
    assert result.returncode == 0, result.stderr
    assert sorted(map(tuple, postgres.query("SELECT v, id FROM latest"))) == [("y", 1), ("z", 5)]


def test_without_the_clause_the_statement_is_refused(tmp_path, postgres):
    result = run(tmp_path, postgres, "INSERT INTO s SELECT v, id FROM i;")
    assert result.returncode != 0
    assert "ON CONFLICT DO DEDUPLICATE" in result.stderr
    assert postgres.query("SELECT count(*) FROM latest")[0][0] == 0

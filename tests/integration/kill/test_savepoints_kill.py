"""Jobs that hand over to each other by savepoints while the node is killed: in the middle of writing one, of stopping, of starting
from one. Afterwards every record counts once, in a topic, in files and in PostgreSQL. SAVEPOINT_HOPS and KILL_SEED override."""
import collections
import glob
import json
import os
import random
import shutil
import time

import support
from test_kill import INSERTS, TABLES, Load, read_topic

HOPS = int(os.environ.get("SAVEPOINT_HOPS", "40" if support.FULL else "8"))
# Where the node dies while the job stops. None: some moment after it was told to.
STOP_POINTS = ["savepoint.copy:1", "savepoint.complete:1", None, "savepoint.copy:2"]

SCRIPT = f"""{TABLES}
CREATE TABLE files (k STRING, n BIGINT) WITH ('connector' = 'filesystem', 'path' = '{{files}}', 'format' = 'json');
SET 'execution.checkpointing.interval' = '200 ms';
SET 'execution.checkpointing.savepoint-dir' = '{{savepoints}}';
SET 'parallelism.default' = '{{parallelism}}';
{{restore}}
EXECUTE STATEMENT SET BEGIN
{INSERTS}
INSERT INTO files SELECT k, n FROM orders;
END;
"""


class Hops:
    def __init__(self, node, postgres, folder, rng):
        self.node, self.postgres, self.folder, self.rng = node, postgres, folder, rng
        self.job, self.kills = None, 0

    def submit(self, savepoint=None):
        old = {job["id"] for job in self.node.api("/jobs")["jobs"]}
        restore = f"SET 'execution.state-recovery.path' = '{savepoint}';" if savepoint else ""
        script = SCRIPT.format(
            kafka=self.node.kafka, url=self.postgres.jdbc_url, totals="savepoint_totals", files=f"{self.folder}/files", savepoints=f"{self.folder}/savepoints",
            parallelism=self.rng.randrange(1, 4), restore=restore)
        try:
            self.job, = self.node.submit(script)
        except OSError:  # it died before it could answer; the job may be there
            self.restart()
            new = [job["id"] for job in self.node.api("/jobs")["jobs"] if job["id"] not in old]
            self.job, = new or self.node.submit(script)

    def restart(self, crash_point=None):
        self.node.kill()
        self.kills += 1
        self.node.start(crash_point)
        if not self.node.running():
            self.node.start()

    def describe(self):
        return self.node.api(f"/jobs/{self.job}")

    def has_begun_or_died(self):
        try:
            return self.describe()["checkpoint"]["id"] > 0
        except OSError:
            self.node.process.wait(10)
            return True

    def has_read_everything(self):
        sources = [op for op in self.describe()["operators"] if op["name"].startswith("Source")]
        return sources and all(op["lag_records"] == 0 for op in sources)

    def await_epochs(self, more):
        first = self.describe()["checkpoint"]["id"]
        support.wait_until(lambda: self.describe()["checkpoint"]["id"] >= first + more, "checkpoints", 60)

    def stop(self, point):
        """Told once; the node dies while it does so, and goes on with it when it starts."""
        self.restart(point)
        self.await_epochs(2)
        try:
            if point:
                self.node.call(f"/api/v1/jobs/{self.job}/stop", "POST", {"savepoint": True}, timeout=60)
            else:
                self.node.call(f"/api/v1/jobs/{self.job}/stop", "POST", {"savepoint": True}, timeout=self.rng.uniform(0.01, 0.4))
        except OSError:
            pass  # it died, or the answer takes longer than we wait
        self.restart()
        support.wait_until(lambda: self.describe()["state"] in ("STOPPED", "RUNNING"), "the job")
        if point is None and not self.describe()["savepoint"]["path"]:
            # It may have died before it had noted the stop.
            pending = self.describe()["savepoint"]["in_progress"]
            if not pending and self.describe()["state"] == "RUNNING":
                self.node.api(f"/jobs/{self.job}/stop", "POST", {"savepoint": True})
        job = support.wait_until(lambda: (lambda d: d if d["state"] == "STOPPED" else None)(self.describe()), "the stop", 60)
        assert job["savepoint"]["path"] and not job["savepoint"]["error"], job["savepoint"]
        return job["savepoint"]["path"]


def read_files(folder):
    rows = []
    for path in glob.glob(f"{folder}/**/*", recursive=True):
        name = os.path.basename(path)
        if os.path.isfile(path) and not name.startswith((".", "_")) and "/_mainstem/" not in path:
            with open(path) as f:
                rows += [json.loads(line)["n"] for line in f if line.strip()]
    return collections.Counter(rows)


def test_jobs_hand_over_by_savepoints_through_kills(tmp_path, postgres):
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    print(f"KILL_SEED={seed}")
    rng = random.Random(seed)
    postgres.query("DROP TABLE IF EXISTS savepoint_totals")
    postgres.query("CREATE TABLE savepoint_totals (k TEXT PRIMARY KEY, c BIGINT, s BIGINT)")
    node = support.Node(tmp_path).start()
    node.api("/topics", "POST", {"name": "orders", "partitions": 3})
    node.api("/topics", "POST", {"name": "doubled", "partitions": 2})
    hops = Hops(node, postgres, tmp_path, rng)
    hops.submit()
    load = Load(node.kafka, seed)
    load.thread.start()
    try:
        for hop in range(HOPS):
            hops.await_epochs(1)
            if hop % 4 == 3:  # one that the job leaves behind, cut off as well
                hops.restart("savepoint.copy:1")
                hops.await_epochs(1)
                try:
                    node.call(f"/api/v1/jobs/{hops.job}/savepoints", "POST", timeout=60)
                except OSError:
                    pass
                hops.restart()
                half = hops.describe()["savepoint"]
                assert not half["path"] and not half["in_progress"] and "whole" in half["error"], half
                assert node.api(f"/jobs/{hops.job}/savepoints", "POST")["path"]
            before = hops.stop(STOP_POINTS[hop % len(STOP_POINTS)])
            moved = f"{tmp_path}/elsewhere-{hop}"
            shutil.copytree(before, moved)
            shutil.rmtree(before)  # nobody needs it any more
            node.api(f"/jobs/{hops.job}", "DELETE")
            if hop % 2:
                hops.restart("checkpoint.commit:1")  # it dies before the new job has any checkpoint
            hops.submit(moved)
            support.wait_until(hops.has_begun_or_died, "the new job", 60)
            if not node.running():
                hops.restart()
        load.stopping.set()
        load.thread.join(120)
        support.wait_until(hops.has_read_everything, "the end of the input", 60)
        final = node.api(f"/jobs/{hops.job}/stop", "POST", {"savepoint": True})["path"]
        assert os.path.exists(f"{final}/manifest")
    except BaseException:
        print(node.log_tail(6000))
        raise
    finally:
        load.stopping.set()
    assert not load.failed, load.failed[:3]
    orders = [value for records in read_topic(node.kafka, "orders").values() for _, value in records]
    once = collections.Counter(value["n"] for value in orders)
    assert set(once.values()) == {1}
    doubled = collections.Counter(v["n"] for records in read_topic(node.kafka, "doubled").values() for _, v in records)
    assert doubled == once, "the topic differs"
    assert read_files(f"{tmp_path}/files") == once, "the files differ"
    count, total = collections.Counter(), collections.Counter()
    for value in orders:
        count[value["k"]] += 1
        total[value["k"]] += value["amount"]
    assert sorted(postgres.query("SELECT k, c, s FROM savepoint_totals")) == sorted((k, count[k], total[k]) for k in count)
    print(f"{hops.kills} kills, {HOPS} savepoints, {len(orders)} records")
    # Only what was asked for is there, whole.
    left = os.listdir(f"{tmp_path}/savepoints")
    assert all(os.path.exists(f"{tmp_path}/savepoints/{name}/manifest") for name in left), left
    node.stop()

"""Kill -9 of a node that tails a file which is rotated, truncated and compressed away, beside files that come compressed: each line is read once,
in its file's order. Half of the kills come at a commit of a checkpoint, the others at any moment. What nobody has read yet is not taken away: a
file is truncated, or goes, when all its lines have come out. Short tier: 8 kills; full: 100. KILL_COUNT and KILL_SEED override."""
import collections
import gzip
import os
import random
import time

from confluent_kafka import Consumer, TopicPartition

import support

KILLS = int(os.environ.get("KILL_COUNT", "100" if support.FULL else "8"))

SCRIPT = """
SET 'execution.checkpointing.interval' = '50 ms';
CREATE TABLE lines (line STRING) WITH ('connector' = 'filesystem', 'path' = '{folder}/*', 'format' = 'raw', 'source.monitor-interval' = '100 ms',
  'source.path.regex-pattern' = '.*/(app[.]log([.][0-9]+)?|sent-[0-9]+[.]gz)');
CREATE TABLE copy (line STRING) WITH ('connector' = 'kafka', 'topic' = 'copy', 'properties.bootstrap.servers' = '{kafka}', 'format' = 'raw');
INSERT INTO copy SELECT line FROM lines;
"""


class LogFile:
    """An application's log and what becomes of it. Every line names its file's generation and its number in that."""

    def __init__(self, folder, rng):
        self.folder, self.rng = str(folder), rng
        self.path = os.path.join(self.folder, "app.log")
        self.counts = collections.Counter()  # lines of each generation
        self.generation, self.sent, self.done = 0, 0, collections.Counter()
        self.rotated = {}  # generation -> open file, and when it was last written
        self.file = open(self.path, "ab", buffering=0)

    def line(self, generation):
        number = self.counts[generation]
        self.counts[generation] += 1
        return f"{generation}-{number} {'x' * self.rng.randrange(200)}\n".encode()

    def append(self, file, generation, count):
        text = b"".join(self.line(generation) for _ in range(count))
        cut = self.rng.randrange(len(text))  # seldom at a line's end
        file.write(text[:cut])
        time.sleep(self.rng.uniform(0, 0.02))
        file.write(text[cut:])

    def write(self):
        self.append(self.file, self.generation, self.rng.randrange(1, 400))
        for generation, (file, last) in self.rotated.items():
            # By a process that has it open still; after 10 quiet seconds nobody would read it.
            if self.rng.random() < 0.5 and time.monotonic() - last < 5:
                self.append(file, generation, self.rng.randrange(1, 20))
                self.rotated[generation] = file, time.monotonic()

    def rotate(self):
        number = self.generation
        os.rename(self.path, f"{self.path}.{number}")
        self.rotated[number] = self.file, time.monotonic()
        self.generation += 1
        self.file = open(self.path, "ab", buffering=0)
        self.done["rotated"] += 1

    def truncate(self):
        os.ftruncate(self.file.fileno(), 0)
        self.generation += 1
        self.done["truncated"] += 1

    def compress_rotated(self):
        for number, (file, _) in self.rotated.items():
            file.close()
            path = f"{self.path}.{number}"
            with open(path, "rb") as plain, gzip.open(path + ".gz", "wb") as packed:
                packed.write(plain.read())
            os.remove(path)
            self.done["compressed away"] += 1
        self.rotated.clear()

    def send_compressed(self):
        self.sent += 1
        generation = f"sent{self.sent}"
        path = os.path.join(self.folder, f"sent-{self.sent}.gz")
        with gzip.open(path + ".part", "wb") as packed:
            packed.write(b"".join(self.line(generation) for _ in range(self.rng.randrange(1, 3000))))
        os.rename(path + ".part", path)
        self.done["sent compressed"] += 1


class Copied:
    """The topic's lines, (generation, number), as they come."""

    def __init__(self, bootstrap):
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "checker", "enable.auto.commit": False, "socket.timeout.ms": 5000,
                                  "reconnect.backoff.max.ms": 100})
        self.consumer.assign([TopicPartition("copy", 0, 0)])
        self.seen = []

    def take(self):
        for message in self.consumer.consume(10000, 0.05):
            if message.error() is None:  # else the node is down
                generation, number = message.value().decode().split(" ")[0].split("-")
                self.seen.append((int(generation) if generation.isdigit() else generation, int(number)))
        return len(self.seen)

    def wait_for(self, log):
        """All that was written, not more."""
        due = sum(log.counts.values())
        support.wait_until(lambda: self.take() >= due, f"{due} lines, there are {len(self.seen)}", 60)
        assert len(self.seen) == due, [line for line, count in collections.Counter(self.seen).items() if count > 1][:5]


def test_a_folder_that_was_away_is_read_on(tmp_path):
    """While the job runs, and while the node is down, to come back after it has started, as a disk that is mounted late."""
    folder, away = tmp_path / "logs", tmp_path / "away"
    folder.mkdir()
    node = support.Node(tmp_path, {"journal.checkpoint-interval": "300ms"}).start()
    try:
        node.api("/topics", "POST", {"name": "copy", "partitions": 1})
        (job,) = node.submit(SCRIPT.format(folder=folder, kafka=node.kafka))
        copied, written = Copied(node.kafka), []

        def write(place, count=100):
            with open(place / "app.log", "ab", buffering=0) as file:
                for _ in range(count):
                    file.write(f"0-{len(written)}\n".encode())
                    written.append((0, len(written)))

        def wait():
            support.wait_until(lambda: copied.take() >= len(written), f"{len(written)} lines, there are {len(copied.seen)}", 60)
            time.sleep(0.5)  # nothing comes behind
            copied.take()
            assert copied.seen == written

        write(folder)
        wait()
        folder.rename(away)
        time.sleep(2)
        write(away)
        away.rename(folder)
        write(folder)
        wait()
        for is_file in (False, True):  # the folder, then the file alone
            time.sleep(0.3)  # a checkpoint holds what was read
            node.kill()
            source, target = (folder / "app.log", tmp_path / "kept.log") if is_file else (folder, away)
            source.rename(target)
            node.start()
            support.wait_until(lambda: node.api("/jobs/" + job)["state"] == "RUNNING", "the job to run", 60)
            time.sleep(1)  # it has seen that nothing is there
            target.rename(source)
            write(folder)
            wait()
    finally:
        node.kill()


def test_each_line_is_read_once_through_kills(tmp_path):
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    print(f"KILL_SEED={seed}")
    rng = random.Random(seed)
    folder = tmp_path / "logs"
    folder.mkdir()
    node = support.Node(tmp_path, {"journal.checkpoint-interval": "300ms"}).start()
    try:
        node.api("/topics", "POST", {"name": "copy", "partitions": 1})
        node.submit(SCRIPT.format(folder=folder, kafka=node.kafka))
        log, copied = LogFile(folder, rng), Copied(node.kafka)
        for number in range(KILLS):
            at_commit = number % 2 == 0
            log.write()
            if at_commit:
                node.kill()
                node.start(crash_point=f"checkpoint.commit:{rng.randint(1, 4)}")
                while node.running():
                    log.write()
                    time.sleep(0.02)
                node.wait_for_crash()
            else:
                time.sleep(rng.uniform(0, 0.3))
                node.kill()
            # What happens next happens while the node is down, or after it has come up again.
            step = (log.rotate, log.send_compressed, log.truncate, log.compress_rotated)[number // 2 % 4 if at_commit else rng.randrange(4)]
            takes_away = step in (log.truncate, log.compress_rotated)
            if not takes_away and rng.random() < 0.5:
                step()
            else:
                node.start()
                if takes_away:
                    copied.wait_for(log)
                if takes_away and rng.random() < 0.5:
                    node.kill()
                step()
            log.write()
            if not node.running():
                node.start()
        copied.wait_for(log)
        time.sleep(0.5)  # nothing comes behind
        copied.wait_for(log)
        print(f"{KILLS} kills, {len(copied.seen)} lines, {dict(log.done)}")
        for generation, count in log.counts.items():
            assert [n for g, n in copied.seen if g == generation] == list(range(count)), generation
        assert all(log.done[what] > 0 for what in ("rotated", "truncated", "compressed away", "sent compressed")), log.done
    finally:
        node.kill()

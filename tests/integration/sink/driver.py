"""sink_delivery_driver as a child process, and the model of what it delivers (the formula of src/sink/testing/main.cc)."""
import os
import select
import signal
import subprocess
import time

import support

DRIVER = os.environ.get("MAINSTEM_SINK_DRIVER", os.path.join(support.ROOT, "build/src/sink/sink_delivery_driver"))


def mix(partition, record, row):
    x = (record * 1000003 + row * 7919 + partition * 104729 + 17) * 2654435761 & 0xFFFFFFFF
    return x ^ (x >> 15)


def rows(partitions, records, rows_per_record, keys):
    """(k, n, amount in cents, milliseconds, part, is_delete) of every row, in the order of delivery within each partition."""
    for partition in range(partitions):
        for record in range(records):
            for row in range(rows_per_record):
                m = mix(partition, record, row)
                number = record * rows_per_record + row
                yield (f"p{partition}-{m % keys}", number, m % 100000, 1767225600000 + number,
                       None if m % 7 == 0 else f"d/{m % 3}", m // 64 % 5 == 0)


def table_model(*shape):
    table = {}
    for k, n, cents, millis, part, is_delete in rows(*shape):
        if is_delete:
            table.pop(k, None)
        else:
            table[k] = (n, cents, millis, part)
    return table


def made(folder, options, shape, **more):
    """A driver of so many partitions, records, rows in each, keys. `more`: its other arguments; True is a flag, None is left out."""
    arguments = [word for name, value in zip(("partitions", "records", "rows", "keys"), shape) for word in ("--" + name, value)]
    for name, value in more.items():
        if value is not None:
            arguments += ["--" + name.replace("_", "-")] + ([] if value is True else [value])
    return Driver(folder, options, arguments)


def says(message, expected, secret="s3cret"):
    for text in expected:
        assert text in message, message
    assert secret not in message


class Driver:
    def __init__(self, folder, options, arguments=()):
        self.folder, self.process = str(folder), None
        self.command = [DRIVER, *map(str, arguments), *(f"{key}={value}" for key, value in options.items())]
        self.errors = os.path.join(self.folder, "driver.err")

    def start(self, crash=None):
        extra = ["--crash", crash] if crash else []
        self.process = subprocess.Popen([self.command[0], *extra, *self.command[1:]], stdout=subprocess.PIPE,
                                        stderr=open(self.errors, "ab"), cwd=self.folder, bufsize=0)

    def line(self, seconds=120):
        """The next line of its output; empty when it has ended."""
        readable, _, _ = select.select([self.process.stdout], [], [], seconds)
        assert readable, f"nothing came for {seconds} s:\n{self.error_text()}"
        return self.process.stdout.readline()

    def kill_after(self, flushes, seconds):
        """Kills it so many seconds after so many flushes; True when it was killed, by us or at its crash point."""
        for _ in range(flushes + 1):  # the first line is "ready"
            if not self.line():
                break
        time.sleep(seconds)
        self.process.kill()
        self.process.communicate()
        assert self.process.returncode in (0, -9), self.error_text()
        return self.process.returncode == -9

    def stop_after(self, lines):
        """Holds it up where it is, after so many lines of its output, "ready" the first; go_on lets it go."""
        for _ in range(lines):
            assert self.line(), self.error_text()
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def finish(self, seconds=120):
        self.start()
        return self.join(seconds)

    def join(self, seconds=120):
        self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0, self.error_text()

    def fail(self, seconds=60):
        """Runs and must refuse; the message."""
        self.start()
        self.process.communicate(timeout=seconds)
        assert self.process.returncode == 2, self.error_text()
        return self.error_text()

    def error_text(self):
        with open(self.errors, errors="replace") as file:
            return file.read()[-3000:]


RECORDS_PER_KILL = 20  # in each of two partitions: more than a run can get done before its kill


# How many flushes, or steps of maintenance, a run may get through before it dies there.
HITS_MAX = {"sink.commit": 3, "sink.committed": 3, "sink.load": 6, "sink.maintenance": 6}


LAST_RUN_SECONDS = 1800  # what takes longer hangs, however slow the machine


def deliver_with_kills(driver, rng, kills, points=("sink.commit", "sink.committed")):
    """Kills the driver `kills` times, half at the named points, half at any moment; then lets it end. Counts by kind. Runs are measured in flushes, not in
    seconds: the speed of the machine does not matter."""
    hits = dict.fromkeys(["random", *points], 0)
    for number in range(kills):
        point = points[number // 2 % len(points)] if number % 2 == 0 else None
        driver.start(crash=f"{point}:{rng.randint(1, HITS_MAX[point])}" if point else None)
        if driver.kill_after(1000 if point else rng.randrange(12), 0 if point else rng.uniform(0, 0.004)):
            hits[point or "random"] += 1
        else:
            break  # everything is delivered: too few records for so many kills
    begin = time.monotonic()
    driver.finish(LAST_RUN_SECONDS)
    print(f"kills: {hits}, last run {time.monotonic() - begin:.1f} s")
    return hits

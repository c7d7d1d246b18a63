"""Kill -9 of the node while records are put into a delivery stream, half of the kills at a flush of the journal or a step of a commit, and while its destination
is changed. Afterwards every record that was answered lies in the bucket once. Short tier: 8 kills, full: 104. KILL_COUNT and KILL_SEED override."""
import random

from botocore.exceptions import BotoCoreError, ClientError

from kill_loop import KILLS, PatientWriter, kill_again_and_again, seeded, stop_when_they_write
from test_firehose import bucket, firehose_of, node_with, update, version_of
import support


class RecordWriter(PatientWriter):
    """Puts numbered records and remembers those that were answered."""

    def __init__(self, node, name, stream="killed"):
        super().__init__(name)
        self.client, self.stream = firehose_of(node), stream

    def put(self):
        numbers = range(self.sent, self.sent + random.choice((1, 10, 300)))
        self.sent = numbers.stop
        answer = self.client.put_record_batch(DeliveryStreamName=self.stream,
                                              Records=[{"Data": f"{self.name} {n} {'x' * 100}\n".encode()} for n in numbers])
        assert answer["FailedPutCount"] == 0
        self.answered += numbers


def test_no_answered_record_is_lost_or_doubled_by_kills(s3, tmp_path):
    _, rng = seeded()
    prefix = f"killed-{rng.randrange(10**9)}/"
    node = node_with(s3, tmp_path)
    node.settings["journal.checkpoint-interval"] = "300ms"
    node.start()
    client = firehose_of(node)
    client.create_delivery_stream(DeliveryStreamName="killed", ExtendedS3DestinationConfiguration=bucket(
        prefix, BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0}))
    writers = [RecordWriter(node, f"w{i}") for i in range(2)]
    for writer in writers:
        writer.thread.start()
    made, changed = [], [0]

    def while_up(number):
        try:
            client = firehose_of(node)
            if number % 4 == 0:
                update(client, "killed", version_of(client, "killed"), Prefix=f"{prefix}{number}/")
                changed[0] += 1
            client.create_delivery_stream(DeliveryStreamName=f"made{number}", ExtendedS3DestinationConfiguration=bucket(f"made{number}/"))
            made.append(number)
            if number % 4 == 2:
                client.delete_delivery_stream(DeliveryStreamName=f"made{number}")
                made.remove(number)
        except (BotoCoreError, ClientError):
            pass

    try:
        at_flush = kill_again_and_again(node, rng, 2.0, while_up)
        stop_when_they_write(writers)
        client = firehose_of(node)
        wanted = {f"{w.name} {n}" for w in writers for n in w.answered}
        found = {}

        def missing():
            found.update({key: s3.read(key) for key in s3.keys(prefix) if key not in found})
            return wanted - {" ".join(line.split()[:2]) for body in found.values() for line in body.decode().splitlines()}
        # The writers are faster than the bucket: it takes as long as it takes, but it goes on.
        while left := len(missing()):
            support.wait_until(lambda before=left: len(missing()) < before, f"the next of {left} records that are not in the bucket", 60)
        stored = [" ".join(line.split()[:2]) for body in found.values() for line in body.decode().splitlines()]
        assert len(stored) == len(set(stored)), f"doubled: {sorted(s for s in set(stored) if stored.count(s) > 1)[:5]}"
        names = client.list_delivery_streams(Limit=1000)["DeliveryStreamNames"]
        assert {f"made{n}" for n in made} <= set(names)
        # Each stream has its job, and no job is left of those that are not.
        jobs = sorted(job["name"] for job in node.api("/jobs")["jobs"])
        assert jobs == sorted(f"firehose.{name}" for name in names)
        print(f"{KILLS} kills ({at_flush} at a flush), {changed[0]} changes of the destination, {len(wanted)} answered records in {len(found)} objects")
        assert len(wanted) > 100 and at_flush > 0
    finally:
        for writer in writers:
            writer.stopping.set()
        node.kill()

"""Exact answers to odd requests, compared with those of a real Kafka 4.3.0."""
import os
import subprocess
import sys

FOLDER = os.path.dirname(__file__)
# Each is a row of docs/kafka-deviations.md.
DEVIATIONS = {"apiversions-finalized-features": "[('transaction.version', 2)]"}

# Requests of the probe as it was recorded that are not sent, since a node does not advertise them: rows of the same file.
NOT_OFFERED = {"cgh-bad-assignor", "cgh-join", "cgh-epoch-ahead", "cgh-unknown-member", "cgh-leave"}


def rows(text):
    return dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)


def test_answers_equal_those_of_a_real_kafka(shared_node):
    result = subprocess.run([sys.executable, os.path.join(FOLDER, "probe.py")], capture_output=True, text=True, timeout=300,
                            env=dict(os.environ, BOOTSTRAP=shared_node.kafka, BASELINE=""))
    ours = rows(result.stdout)
    assert len(ours) > 130, result.stderr
    with open(os.path.join(FOLDER, "answers-of-real-kafka.txt")) as file:
        theirs = rows(file.read())
    assert set(theirs) - set(ours) == NOT_OFFERED
    expected = {name: DEVIATIONS.get(name, theirs[name]) for name in ours}
    assert ours == expected

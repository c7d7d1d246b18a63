"""Data folders of earlier formats, packed: `folders` has the log's, `jobs` those of jobs. `python tests/integration/storage/test_golden_*.py NAME` makes one of today's."""
import glob
import os
import tarfile
import tempfile

HERE = os.path.dirname(__file__)


def archives(kind):
    return sorted(glob.glob(os.path.join(HERE, kind, "*.tar.xz")))


def unpack(archive, folder):
    with tarfile.open(archive) as packed:
        packed.extractall(folder)


def make(kind, name, start_node, fill):
    """What a node's data folder is after `fill(node)` and kill -9."""
    with tempfile.TemporaryDirectory() as folder:
        node = start_node(folder)
        try:
            fill(node)
        finally:
            node.kill()
        os.makedirs(os.path.join(HERE, kind), exist_ok=True)
        with tarfile.open(os.path.join(HERE, kind, f"{name}.tar.xz"), "w:xz", preset=9) as packed:
            packed.add(node.data, "data")

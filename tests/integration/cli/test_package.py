"""The folder that `./dev package` makes has everything that a Debian without packages lacks: whatever one of its programs and
libraries needs lies in it, and is looked for there."""
import os
import re
import subprocess

import support

# Of glibc, which every Debian has.
GLIBC = re.compile(r"^(libc|libm|libdl|librt|libpthread|ld-linux[^/]*)\.so")


def dynamic(path, tag):
    text = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
    return re.findall(rf"\({tag}\).*\[(.*)\]", text)


def test_a_package_needs_nothing_that_is_not_in_it():
    made = subprocess.run([os.path.join(support.ROOT, "scripts/package")], capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    folder = os.path.join(support.ROOT, "dist/mainstem")
    binary = os.path.join(folder, "bin/mainstem")
    # The old kind of run path: the new one would not count for what the libraries need themselves.
    assert dynamic(binary, "RPATH") == ["$ORIGIN/../lib"] and dynamic(binary, "RUNPATH") == []
    inside = set(os.listdir(os.path.join(folder, "lib")))
    for path in [binary, *(os.path.join(folder, "lib", name) for name in inside)]:
        missing = [name for name in dynamic(path, "NEEDED") if name not in inside and not GLIBC.match(name)]
        assert missing == [], path

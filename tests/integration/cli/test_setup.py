"""What scripts/setup and ./run say before there is anything: without root, on another distribution, for help and wrong flags.
The machine is a folder of a few programs that stands for the whole PATH."""
import os
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
from support import ROOT  # noqa: E402

ALWAYS = ["bash", "sh", "env", "cat", "sed", "grep", "sha256sum", "cut", "mkdir", "dirname", "find", "touch", "tr", "tail", "sleep", "date", "ls", "uname"]
DEBIAN = "#!/bin/sh\nexit 1\n"  # dpkg-query and apt-cache that know nothing


@pytest.fixture
def machine(tmp_path):
    project, programs = tmp_path / "project", tmp_path / "bin"
    shutil.copytree(os.path.join(ROOT, "scripts"), project / "scripts")
    for name in ("run", "test", "dev"):
        shutil.copy(os.path.join(ROOT, name), project / name)
    programs.mkdir()
    for name in ALWAYS:
        os.symlink(shutil.which(name), programs / name)

    def script(name, text):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)

    def run(*command):
        return subprocess.run(["bash", *command], cwd=project, env={"PATH": str(programs), "HOME": str(tmp_path)}, capture_output=True, text=True,
                              timeout=60)
    run.project, run.programs, run.script = project, programs, script
    run.script("id", "#!/bin/sh\necho 1000\n")
    return run


def has_environment(machine):
    """A Python that can install anything."""
    python = machine.project / ".deps/venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)


def test_without_root_it_names_the_command(machine):
    for name in ("apt-get", "apt-cache", "dpkg-query"):
        machine.script(name, DEBIAN)
    result = machine("scripts/setup", "run")
    assert result.returncode == 1
    assert "sudo apt-get install g++ cmake" in result.stderr and "libboost1.81-dev" in result.stderr and "|" not in result.stderr


def test_without_apt_it_names_what_to_install_and_takes_what_is_there(machine):
    result = machine("scripts/setup", "run")
    assert result.returncode == 1 and "has no apt-get" in result.stderr
    assert "libsimdjson-dev (<simdjson.h>)" in result.stderr and "cmake (cmake)" in result.stderr
    # A compiler that finds every header, and all programs: the way of another distribution's packages.
    machine.script("c++", "#!/bin/sh\ncat >/dev/null\n")
    for name in ("g++", "cmake", "ninja", "ccache", "mold", "pkg-config", "pg_config", "initdb", "kcat", "curl"):
        machine.script(name, "#!/bin/sh\n")
    machine.script("python3", "#!/bin/sh\nexit 0\n")
    has_environment(machine)
    result = machine("scripts/setup", "run")
    assert result.returncode == 0, result.stderr
    assert "… step 1 of 1: install Arrow C++ and clients, about 10s to go" in result.stderr
    assert "ok install Arrow C++" in result.stderr


def test_each_step_says_which_it_is_and_how_long_the_rest_takes(machine):
    """As root, with an apt that installs everything; off a terminal a line when a step begins, and one when it has ended."""
    machine.script("id", "#!/bin/sh\necho 0\n")
    machine.script("apt-cache", DEBIAN)
    machine.script("dpkg-query", DEBIAN)
    machine.script("apt-get", "#!/bin/sh\n[ $1 = update ] || echo installed $*\n")
    machine.script("c++", "#!/bin/sh\nexit 1\n")
    has_environment(machine)
    result = machine("scripts/setup", "run")
    assert result.returncode == 0, result.stderr
    told = [line for line in result.stderr.splitlines() if "… step" in line]
    count = len(told)
    assert [line.split(":")[0].split("step ")[1] for line in told] == [f"{i + 1} of {count}" for i in range(count)]
    seconds = [int(re.search(r"about (\d+)s to go", line)[1]) for line in told]
    assert seconds == sorted(seconds, reverse=True) and seconds[-1] > 0
    assert result.stderr.count("  ok ") == count and "install Arrow C++" in told[-1]


def test_another_processor_and_an_older_system_are_told_before_the_compiler_fails(machine):
    machine.script("uname", "#!/bin/sh\necho aarch64\n")
    result = machine("scripts/setup", "run")
    assert result.returncode == 1 and "x86-64" in result.stderr and "aarch64" in result.stderr
    machine.script("uname", "#!/bin/sh\necho x86_64\n")
    machine.script("dpkg-query", "#!/bin/sh\necho install ok installed\n")
    machine.script("c++", "#!/bin/sh\ncase $(cat) in *BOOST_VERSION*) echo 107400 ;; *__GNUC__*) echo 11 ;; esac\n")
    has_environment(machine)
    result = machine("scripts/setup", "run")
    assert result.returncode == 1
    assert "Boost 1.74 is too old (1.81 is needed), g++ 11 is too old (12 is needed)" in result.stderr and "Debian 12" in result.stderr


def test_run_explains_itself_and_refuses_a_wrong_flag_before_any_set_up(machine):
    help_text = machine("run", "--help")
    assert help_text.returncode == 0 and "--once" in help_text.stdout and "--kafka-port" in help_text.stdout
    wrong = machine("run", "--onse")
    assert wrong.returncode == 2 and "no flag --onse" in wrong.stderr
    assert not (machine.project / ".deps").exists()


def test_the_other_two_scripts_do_so_as_well(machine):
    for name in ("test", "dev"):
        help_text = machine(name, "--help")
        assert help_text.returncode == 0 and "fuzz" in help_text.stdout, help_text
        wrong = machine(name, "unti")
        assert wrong.returncode == 2 and "'unti'" in wrong.stderr, wrong
    assert not (machine.project / ".deps").exists()

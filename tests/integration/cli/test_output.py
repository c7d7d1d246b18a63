"""What commands print where: pipes that close, disks that are full, data that is hostile, input that fails half-way, the prompt."""
import fcntl
import json
import os
import pty
import re
import select
import subprocess
import termios
import time
import urllib.request

import support

COUNTED = "CREATE TABLE s (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '200', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000');"


def script(tmp_path, text):
    path = tmp_path / "q.sql"
    path.write_text(text)
    return str(path)


def command(node, *arguments):
    return [support.BINARY, "--node", f"http://{node.http}", *arguments]


def first_lines(arguments, count):
    """The first lines of an endless output, through a pipe that is closed then; how the command ended."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = [process.stdout.readline().rstrip("\n") for _ in range(count)]
    process.stdout.close()
    errors = process.stderr.read()
    return lines, process.wait(60), errors


def test_rows_come_through_a_pipe_as_they_are_made_and_a_closed_one_ends_the_command(node, tmp_path):
    endless = script(tmp_path, COUNTED + " SELECT n FROM s;")
    lines, code, errors = first_lines([support.BINARY, "--json", "run", endless], 4)
    assert [json.loads(line)["row"]["n"] for line in lines] == [1, 2, 3, 4]
    assert code == 1 and "cannot write to standard output" in errors
    lines, code, _ = first_lines(command(node, "sql", "-f", endless), 5)
    assert lines[-1].split() == ["+I", "2"] and code == -13  # by SIGPIPE, as filters end
    node.cli("produce", "numbers", stdin="".join(f'{{"n": {i}}}\n' for i in range(1000)))
    lines, code, _ = first_lines(command(node, "consume", "numbers", "-f", "--from", "earliest", "--json"), 1)
    assert json.loads(lines[0])["value"] == {"n": 0} and code == -13


def test_what_cannot_be_written_is_an_error(node, tmp_path):
    node.cli("produce", "numbers", stdin='{"n": 1}\n')
    bounded = script(tmp_path, "SELECT 1;")
    for arguments in (["consume", "numbers", "--from", "earliest"], ["topic", "list"], ["--json", "topic", "list"], ["sql", "-e", "SELECT 1"], ["run", bounded]):
        with open("/dev/full", "w") as full:
            result = subprocess.run(command(node, *arguments), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        assert result.returncode == 1 and "No space left on device" in result.stderr, arguments


def test_json_of_a_run_is_json_only(tmp_path):
    text = """CREATE TABLE s (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '3', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '3');
      CREATE TABLE p (n BIGINT) WITH ('connector' = 'print'); INSERT INTO p SELECT n FROM s WHERE n > 1; SELECT n FROM s;"""
    result = subprocess.run([support.BINARY, "--json", "run", script(tmp_path, text)], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert (told[0]["state"], told[0]["rows_read"], told[0]["rows_written"]) == ("FINISHED", 3, 2) and [row["row"]["n"] for row in told[1:]] == [1, 2, 3]
    assert result.stderr.splitlines() == ["+I[2]", "+I[3]"]
    plain = subprocess.run([support.BINARY, "run", script(tmp_path, text)], capture_output=True, text=True, timeout=60)
    assert "insert-into_p: 3 rows read, 2 written in " in plain.stdout, plain


def test_what_was_written_before_a_broken_line_is_said(node):
    lines = [f'{{"n": {i}}}' for i in range(60_000)]
    result = node.cli("produce", "numbers", stdin="\n".join([*lines, "", '{"n":']) + "\n", check=False)
    assert result.returncode == 1 and "broken JSON in line 60002," in result.stderr, result.stderr
    go_on = int(result.stderr.split("tail -n +")[1])
    written = sum(p["high_watermark"] for p in node.api("/topics/numbers")["partitions"])
    assert go_on == written + 1 > 1 and f"{written} records written" in result.stderr
    again = node.cli("produce", "numbers", stdin="\n".join([*lines, ""][go_on - 1:]))
    assert "records written" in again.stderr
    assert sum(p["high_watermark"] for p in node.api("/topics/numbers")["partitions"]) == len(lines)


def test_followers_get_values_of_several_lines_and_are_told_that_the_topic_is_gone(node):
    node.cli("topic", "create", "notes")
    urllib.request.urlopen(urllib.request.Request(f"http://{node.http}/v1/topics/notes/events", data=b'{\n "a": 1\n}'), timeout=30).close()
    follower = subprocess.Popen(command(node, "consume", "notes", "-f", "--from", "earliest", "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert json.loads(follower.stdout.readline())["value"] == {"a": 1}
    node.cli("topic", "delete", "notes")
    out, errors = follower.communicate(timeout=60)
    assert out == "" and follower.returncode == 1 and "topic 'notes' is gone" in errors


def test_a_temporary_folder_that_cannot_be_used_is_said(tmp_path):
    for folder in (tmp_path / "nowhere", "/proc"):
        result = subprocess.run([support.BINARY, "run", script(tmp_path, "SELECT 1;")], capture_output=True, text=True, timeout=60,
                                env=dict(os.environ, TMPDIR=str(folder)))
        assert result.returncode == 1 and "set TMPDIR" in result.stderr, result
        with_data = subprocess.run([support.BINARY, "run", "--data", str(tmp_path / "data"), script(tmp_path, "SELECT 1;")], capture_output=True, text=True,
                                   timeout=60, env=dict(os.environ, TMPDIR=str(folder)))
        assert with_data.returncode == 0, with_data
    assert not os.path.exists("/LOCK")
    result = subprocess.run([support.BINARY, "run", str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1 and "Is a directory" in result.stderr


def test_another_server_is_no_node(tmp_path):
    import http.server
    import threading

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"x": 1}')
        do_POST = do_GET

        def log_message(self, *_):
            pass
    server = http.server.HTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for arguments in (["topic", "list"], ["job", "list"], ["group", "list"], ["consume", "t"], ["sql", "-e", "SELECT 1"]):
        result = subprocess.run([support.BINARY, "--node", f"http://127.0.0.1:{server.server_port}", *arguments], capture_output=True, text=True, timeout=60)
        assert result.returncode == 1 and "not that of a Mainstem node" in result.stderr, (arguments, result)
    server.shutdown()


def test_the_prompt_runs_each_statement_once(node):
    """Several on a line, comments, strings with ';' and line ends, a statement set, what is defined is kept."""
    screen, terminal = pty.openpty()
    process = subprocess.Popen(command(node, "sql"), stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    os.close(terminal)
    typed = f"""CREATE TABLE o (s STRING) WITH ('connector' = 'kafka', 'topic' = 'o', 'properties.bootstrap.servers' = '{node.kafka}', 'format' = 'raw'); INSERT INTO o SELECT 'once';
-- a comment
CREATE VIEW v AS SELECT 'a;
b' AS s;
SELECT CHAR_LENGTH(s) AS two_lines FROM v; -- and more
EXECUTE STATEMENT SET BEGIN
INSERT INTO o SELECT 'first';
INSERT INTO o SELECT 'second';
END;
SELECT 7 AS seven;
nonsense;
help
quit
"""
    for line in typed.splitlines(keepends=True):
        os.write(screen, line.encode())
        time.sleep(0.05)
    out, _ = process.communicate(timeout=60)
    os.close(screen)
    assert process.returncode == 0 and out.count("table 'o' created") == 1 and out.count("started job") == 2, out
    assert "two_lines" in out and "+I             4" in out and "+I             7" in out and "line 1, column 1: unexpected 'nonsense'" in out and "EXPLAIN SELECT" in out
    support.wait_until(lambda: sum(p["high_watermark"] for p in node.api("/topics/o")["partitions"]) >= 3, "three records")
    assert sorted(line.split(" ")[-1] for line in node.cli("consume", "o", "--from", "earliest").stdout.splitlines()) == ["first", "once", "second"]


class Terminal:
    """A command that owns a terminal, as a person's shell starts it."""

    def __init__(self, arguments, **environment):
        self.screen, terminal = pty.openpty()
        self.text = ""
        self.process = subprocess.Popen(arguments, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0), env=dict(os.environ, TERM="xterm", **environment))
        os.close(terminal)

    def wait_for(self, pattern):
        """What has come since the wait before, up to the pattern's end."""
        deadline = time.monotonic() + 30
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < deadline, (pattern, self.text)
            if select.select([self.screen], [], [], 0.2)[0]:
                self.text += os.read(self.screen, 4096).decode()
        came, self.text = self.text[:found.end()], self.text[found.end():]
        return came

    def wait_for_editor(self):
        """The prompt stands there a moment before keys reach the editor alone."""
        support.wait_until(lambda: not termios.tcgetattr(self.screen)[3] & termios.ICANON, "a terminal in the editor's mode")

    def type(self, keys):
        os.write(self.screen, keys.encode())


UP, LEFT, CTRL_C = "\x1b[A", "\x1b[D", "\x03"


def test_lines_at_the_prompt_can_be_edited_recalled_and_cancelled(node, tmp_path):
    first = Terminal(command(node, "sql"), XDG_STATE_HOME=str(tmp_path))
    first.wait_for("sql> ")
    first.wait_for_editor()
    first.type("SELECT 1 + 9" + LEFT + "4\n" + ";\n")  # 4 before the 9
    first.wait_for(r"\+I +50\b")
    first.wait_for("sql> ")
    first.type("SELECT 'nonsense" + CTRL_C)
    first.wait_for("sql> ")
    # An endless query ends, the prompt does not.
    first.type("CREATE TABLE s (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '50', 'password' = 'hush');\n")
    first.wait_for("error(.|\n)*sql> ")  # it has no such option; nor does the history
    first.type("CREATE TABLE s (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '50');\n")
    first.wait_for("created(.|\n)*sql> ")
    first.type("SELECT 'row' FROM s;\n")
    first.wait_for("\\+I +row\r\n.*\\+I +row")
    first.type(CTRL_C)
    first.wait_for("sql> ")
    first.type("SELECT 7 * 6;\n")
    assert re.search(r"\+I +42\b", first.wait_for("42\r\n(.|\n)*sql> "))
    first.type("SET 'note' =\n'kept'; CREATE TABLE t (n INT) WITH ('connector' = 'jdbc', 'url' = 'jdbc:mysql://root:hush@h/d', 'password' =\n'hush');\n")
    first.wait_for("created(.|\n)*sql> ")
    first.type("quit\n")
    assert first.process.wait(20) == 0
    history = tmp_path / "mainstem" / "sql_history"
    assert "hush" not in history.read_text() and history.stat().st_mode & 0o077 == 0
    # What was typed is there the next time.
    second = Terminal(command(node, "sql"), XDG_STATE_HOME=str(tmp_path))
    second.wait_for("sql> ")
    second.wait_for_editor()
    second.type(UP + UP + UP + "\n")
    assert re.search(r"\+I +42\b", second.wait_for("42\r\n(.|\n)*sql> "))
    second.wait_for_editor()
    second.type("\x04")
    assert second.process.wait(20) == 0
    # One that is ended from outside leaves the terminal as it was.
    third = Terminal(command(node, "sql"), XDG_STATE_HOME=str(tmp_path))
    third.wait_for("sql> ")
    third.wait_for_editor()
    third.process.terminate()
    third.process.wait(20)
    assert termios.tcgetattr(third.screen)[3] & termios.ICANON and termios.tcgetattr(third.screen)[3] & termios.ECHO
    os.close(third.screen)
    os.close(first.screen)
    os.close(second.screen)

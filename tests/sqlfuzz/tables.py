"""Random small tables: few distinct values, so that rows meet in joins and groups."""
import decimal as decimals
import json
from datetime import datetime, timedelta

from nodes import Output, decimal, decimal_parts, is_decimal

SCALARS = ["INT", "BIGINT", "DOUBLE", decimal(5, 2), decimal(12, 4), "STRING", "BOOLEAN", "DATE", "TIMESTAMP(3)"]
# Of the watermark, where times do not go back: a session that a row would just touch is not closed by another key of its time.
IN_ORDER_MS = 2
EPOCH = datetime(2024, 2, 28, 23, 59, 50)  # a leap day is near, and the end of a month
STRINGS = ["", "a", "A", "b", "ab", "aab", "Ba", " a ", "7", "-3", "x_y", "5%", "ä", "日本"]


def domain(rng, type_name):
    """The few values that a column may have."""
    def some(values):
        return rng.sample(values, min(len(values), rng.choice([2, 3, 3, 5])))
    if type_name == "INT":
        return some([-3, -2, -1, 0, 1, 2, 3, 4, 5, 7, 10, 100] + ([2147483647, -2147483648] if rng.random() < 0.05 else []))
    if type_name == "BIGINT":
        return some([-2, 0, 1, 2, 3, 5, 1000000007, -9000000000] + ([9223372036854775807] if rng.random() < 0.05 else []))
    if type_name == "DOUBLE":  # sums of these are exact
        return some([0.0, 0.25, 0.5, 1.0, 1.5, 2.0, -0.75, -2.0, 3.25, 100.5])
    if is_decimal(type_name):
        _, scale = decimal_parts(type_name)
        return some([decimals.Decimal(n).scaleb(-scale) for n in (0, 1, 5, 25, 50, 99, 100, 101, 250, -1, -75, -200, 12345)])
    if type_name == "STRING":
        return some(STRINGS)
    if type_name == "BOOLEAN":
        return [True, False]
    if type_name == "DATE":
        return some([(EPOCH + timedelta(days=d)).date().isoformat() for d in (-400, -31, -1, 0, 1, 2, 30, 60, 366)])
    return some([timestamp(EPOCH + timedelta(milliseconds=ms)) for ms in (0, 1, 500, 10_000, 70_000, 3_600_000, 86_400_000, -1, 31 * 86_400_000)])


def timestamp(value):
    return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"


class Table:
    """columns: Outputs; rows: lists of values; changes: (kind, row) in order, or None: rows are inserted in order.
    rowtime: name of the time attribute, or None; its values are all different if unique_times."""

    def __init__(self, name, columns):
        self.name, self.columns = name, columns
        self.rows, self.changes = [], None
        self.rowtime, self.delay_ms, self.unique_times = None, IN_ORDER_MS, False
        self.key = False

    def append_only(self):
        return self.changes is None

    def final_rows(self):
        """What the table holds in the end."""
        if self.changes is None:
            return self.rows
        left = []
        for kind, row in self.changes:
            if kind[0] == "+":
                left.append(row)
            else:
                left.remove(row)
        return left

    def definition(self):
        lines = []
        for c in self.columns:
            not_null = " NOT NULL" if (self.key and c.name == "id") or c.name == self.rowtime else ""
            lines.append(f"  {c.name} {c.type}{not_null}")
        if self.rowtime:
            lines.append(f"  WATERMARK FOR {self.rowtime} AS {self.rowtime} - INTERVAL '{self.delay_ms / 1000:.3f}' SECOND(3, 3)")
        if self.key:
            lines.append("  PRIMARY KEY (id) NOT ENFORCED")
        form = "json" if self.append_only() else "debezium-json"
        return f"CREATE TABLE {self.name} (\n" + ",\n".join(lines) + \
            f"\n) WITH ('connector' = 'filesystem', 'path' = '/{self.name}', 'format' = '{form}');\n"

    def input(self):
        """(file name, text) for `mainstem test`."""
        if self.changes is None:
            return f"{self.name}.jsonl", "".join(self.line(row) + "\n" for row in self.rows)
        return f"{self.name}.jsonl", "".join(f"{kind} {self.line(row)}\n" for kind, row in self.changes)

    def line(self, row):
        fields = []
        for c, value in zip(self.columns, row):
            text = str(value) if isinstance(value, decimals.Decimal) else json.dumps(value, ensure_ascii=False)
            fields.append(f'"{c.name}": {text}')
        return "{" + ", ".join(fields) + "}"


def make_row(rng, table, domains, null_rate):
    return [None if rng.random() < null_rate else rng.choice(d) for d in domains]


def fill_times(rng, table, rows):
    """Arrival order with event times near each other; the watermark never passes a row that is still to come."""
    at = next(i for i, c in enumerate(table.columns) if c.name == table.rowtime)
    step = rng.choice([500, 1000, 4000, 20_000])
    now, times = 0, []
    for _ in rows:
        now += rng.choice([0, 1, 1, 2, 5]) * step if not table.unique_times else rng.choice([1, 1, 2, 5]) * step
        times.append(now)
    if rng.random() < 0.5:  # out of order
        jitter = rng.choice([1, 3, 10]) * step
        order = sorted(range(len(times)), key=lambda i: times[i] + rng.random() * jitter)
        table.delay_ms = jitter + IN_ORDER_MS
        times = [times[i] for i in order]
    for row, time in zip(rows, times):
        row[at] = timestamp(EPOCH + timedelta(milliseconds=time))


def make_changes(rng, table, rows, domains, null_rate):
    """A history that passes through `rows`: updates, deletions and insertions anew."""
    live, changes = [], []
    next_id = 0
    pending = list(rows)
    while pending:
        what = rng.random()
        if what < 0.55 or not live:
            row = pending.pop(0)
            if table.key:
                row[0] = next_id
                next_id += 1
            live.append(row)
            changes.append(("+I", row))
        elif what < 0.85:
            at = rng.randrange(len(live))
            old, new = live[at], make_row(rng, table, domains, null_rate)
            for i in range(len(new)):
                if rng.random() < 0.5:
                    new[i] = old[i]
            if table.key:
                new[0] = old[0]
            live[at] = new
            changes += [("-U", old), ("+U", new)]
        else:
            old = live.pop(rng.randrange(len(live)))
            changes.append(("-D", old))
            if table.key and rng.random() < 0.3:  # the key comes again
                row = make_row(rng, table, domains, null_rate)
                row[0] = old[0]
                live.append(row)
                changes.append(("+I", row))
    if rng.random() < 0.15:
        changes += [("-D", row) for row in reversed(live)]
    return changes


def make_table(rng, index, kind):
    """kind: 'append', 'changes' or 'time'."""
    count = rng.choice([2, 3, 3, 4, 5])
    columns = [Output("id", "INT")]
    columns += [Output(f"{'kvwxyz'[i]}", rng.choice(["INT", "STRING"]) if i == 0 else rng.choice(SCALARS)) for i in range(count)]
    table = Table(f"t{index}", columns)
    if kind == "time":
        columns.append(Output("ts", "TIMESTAMP(3)"))
        table.rowtime = "ts"
        table.unique_times = rng.random() < 0.6
    table.key = kind == "changes" and rng.random() < 0.7
    null_rate = rng.choice([0, 0.1, 0.3])
    domains = [domain(rng, c.type) for c in columns]
    rows = [make_row(rng, table, domains, null_rate) for _ in range(rng.choice([0, 1, 3, 8, 8, 15, 15, 25, 40]))]
    if kind == "changes":
        table.changes = make_changes(rng, table, rows, domains, null_rate)
    else:
        for number, row in enumerate(rows):
            row[0] = number
        table.rows = rows
    if kind == "time":
        fill_times(rng, table, rows)
    return table

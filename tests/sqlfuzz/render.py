"""Trees to text, in Flink's dialect and in DuckDB's."""
from dialects import OPS, duck_type, literal_text


class Writer:
    def __init__(self, duck):
        self.duck = duck

    # ---- expressions

    def expr(self, node):
        return getattr(self, "expr_" + node.kind)(node)

    def expr_column(self, node):
        return f"{node.alias}.{node.name}"

    def expr_literal(self, node):
        return literal_text(node.type, node.value, self.duck)

    def template(self, op):
        flink, duck = OPS[op]
        return duck if self.duck and duck is not None else flink

    def expr_call(self, node):
        args = [self.expr(a) for a in node.args]
        return self.template(node.op).format(*args, **{"t": duck_type(node.type) if self.duck else node.type, **node.attrs})

    def expr_aggregate(self, node):
        filtered = f" FILTER (WHERE {self.expr(node.filter)})" if node.filter is not None else ""
        if node.op in ("count_star", "row_number"):
            return {"count_star": "COUNT(*)", "row_number": "ROW_NUMBER()"}[node.op] + filtered
        if node.op == "lag":
            return f"LAG({self.expr(node.args[0])})"
        template = self.template(node.op)
        args = [self.expr(a) for a in node.args]
        text = template.format(*args, d="DISTINCT " if node.distinct else "", f=filtered,
                               t=duck_type(node.type) if self.duck else node.type, **node.attrs)
        return text if "{f}" in template else text + filtered

    def expr_grouping(self, node):
        return f"GROUPING({self.expr(node.args[0])})"

    def expr_row_number(self, node):
        return f"ROW_NUMBER() OVER ({self.window(node, None)})"

    def expr_over(self, node):
        """DuckDB's form of an aggregate may hold several: each gets the window."""
        window = f" OVER ({self.window(node, node.frame)})"
        if not self.duck or "{f}" not in self.template_of(node.call):
            return self.expr(node.call) + window
        call = node.call
        return self.template(call.op).format(*[self.expr(a) for a in call.args], d="", f=window, t=duck_type(call.type), **call.attrs)

    def template_of(self, call):
        return self.template(call.op) if call.op in OPS else ""

    def window(self, node, frame):
        parts = []
        if node.partition:
            parts.append("PARTITION BY " + ", ".join(self.expr(p) for p in node.partition))
        if node.order:
            parts.append("ORDER BY " + self.order(node.order))
        if frame:
            parts.append(frame)
        return " ".join(parts)

    def order(self, order):
        """NULL is the lowest value in Flink; DuckDB is told so."""
        texts = []
        for o in order:
            text = self.expr(o.expr) + (" DESC" if o.desc else "")
            if self.duck:
                text += " NULLS LAST" if o.desc else " NULLS FIRST"
            texts.append(text)
        return ", ".join(texts)

    def expr_subquery_test(self, node):
        query = self.query(node.query)
        if node.operand is None:
            return f"{node.negated}EXISTS ({query})"
        return f"{self.expr(node.operand)} {node.negated}IN ({query})"

    def expr_membership(self, node):
        return f"{self.expr(node.operand)} {node.op} ({self.query(node.query)})"

    def expr_scalar(self, node):
        return f"({self.query(node.query)})"

    # ---- queries

    def query(self, node):
        return getattr(self, "query_" + node.kind)(node)

    def conjunction(self, conjuncts):
        return " AND ".join(self.expr(c) for c in conjuncts)

    def query_select(self, node):
        items = ", ".join(f"{self.expr(i.expr)} AS {i.name}" for i in node.items)
        text = f"SELECT {'DISTINCT ' if node.get('distinct') else ''}{items} FROM {self.source(node.source)}"
        if node.where:
            text += " WHERE " + self.conjunction(node.where)
        if node.group:
            text += " GROUP BY " + self.grouping(node)
        having = [self.expr(c) for c in node.having]
        # Without keys, or in the set of no keys: Flink has no row when there is none below, DuckDB has one.
        if self.duck and node.get("aggregated") and (not node.group or node.get("sets")):
            having.append("COUNT(*) > 0")
        if having:
            text += " HAVING " + " AND ".join(having)
        if node.kids.get("qualify"):
            text += " QUALIFY " + self.conjunction(node.qualify)
        if node.kids.get("order"):
            text += " ORDER BY " + self.order(node.order)
        if node.get("limit"):
            text += f" LIMIT {node.limit}"
            if node.get("offset"):
                text += f" OFFSET {node.offset}"
        return text

    def grouping(self, node):
        keys = [self.expr(k) for k in node.group]
        sets = node.get("sets")
        if sets == "GROUPING SETS":
            return "GROUPING SETS (" + ", ".join("(" + ", ".join(keys[i] for i in s if i < len(keys)) + ")" for s in node.chosen) + ")"
        return f"{sets} ({', '.join(keys)})" if sets else ", ".join(keys)

    def query_set(self, node):
        return f"({self.query(node.left)}) {node.op} ({self.query(node.right)})"

    def query_with(self, node):
        return f"WITH {node.name} AS ({self.query(node.inner)}) {self.query(node.query)}"

    # ---- FROM

    def source(self, node):
        return getattr(self, "source_" + node.kind)(node)

    def source_table(self, node):
        return f"{node.name} AS {node.alias}"

    def source_subquery(self, node):
        return f"({self.query(node.query)}) AS {node.alias}"

    def source_join(self, node):
        on = self.conjunction(node.on) if node.on else "TRUE"
        right = self.source(node.right)
        if node.right.kind in ("join", "unnest", "lateral"):
            right = f"({right})"
        if node.get("using"):
            return f"{self.source(node.left)} {node.join} JOIN {right} USING ({node.using})"
        return f"{self.source(node.left)} {node.join} JOIN {right} ON {on}"

    def source_temporal_join(self, node):
        left, on = f"{node.left} AS {node.left_alias}", self.conjunction(node.on)
        if not self.duck:
            return f"{left} {node.join} JOIN {versions_name(node)} FOR SYSTEM_TIME AS OF {node.left_alias}.ts AS {node.alias} ON {on}"
        columns = ", ".join(node.columns)
        right = f"(SELECT {columns}, lead(ts) OVER (PARTITION BY {node.key} ORDER BY ts) AS until FROM {node.right}) AS {node.alias}"
        return f"{left} {node.join} JOIN {right} ON {on} AND {node.alias}.ts <= {node.left_alias}.ts" \
            f" AND ({node.alias}.until IS NULL OR {node.left_alias}.ts < {node.alias}.until)"

    def source_unnest(self, node):
        elements = ", ".join(self.expr(e) for e in node.elements)
        return f"{self.source(node.left)} CROSS JOIN UNNEST(ARRAY[{elements}]) AS {node.alias}(e)"

    def source_lateral(self, node):
        return f"{self.source(node.left)} {node.join} JOIN LATERAL ({self.query(node.query)}) AS {node.alias} ON TRUE"

    def source_values(self, node):
        rows = ", ".join("(" + ", ".join(self.expr(v) for v in row.values) + ")" for row in node.rows)
        return f"(VALUES {rows}) AS {node.alias}({', '.join(node.names)})"

    def source_window_table(self, node):
        if not self.duck:
            keys = f" PARTITION BY {', '.join(node.keys)}" if node.keys else ""
            slide = f"INTERVAL '{node.slide}' SECOND, " if node.window in ("HOP", "CUMULATE") else ""
            return f"TABLE({node.window}(TABLE {node.table}{keys}, DESCRIPTOR({node.rowtime}), {slide}" \
                f"INTERVAL '{node.size}' SECOND)) AS {node.alias}"
        columns = ", ".join("x." + c for c in node.columns)
        size, slide, count = node.size * 1000, node.slide * 1000, node.size // node.slide
        time = f"epoch_ms(x.{node.rowtime})"
        source = f"{node.table} x, range({count}) g(i)"
        if node.window == "CUMULATE":  # all that begin with the largest one and end after the row
            start = f"({time} // {size} * {size})"
            end = f"({start} + (g.i + 1) * {slide})"
            source += f" WHERE {end} > {time}"
        elif node.window == "SESSION":  # a row begins one that comes later than the gap after the row before it
            start, end, source = "x.first_time", f"(x.last_time + {size})", self.sessions(node, size)
        else:  # the starts that hold the time: multiples of the slide since 1970, from the last one back
            start = f"({time} // {slide} * {slide} - g.i * {slide})"
            end = f"({start} + {size})"
        return f"(SELECT {columns}, make_timestamp({start} * 1000) AS window_start, make_timestamp({end} * 1000) AS window_end" \
            f" FROM {source}) AS {node.alias}"

    @staticmethod
    def sessions(node, gap):
        keys = ", ".join(node.keys)
        time = f"epoch_ms({node.rowtime})"
        return f"(SELECT *, min({time}) OVER (PARTITION BY {keys}, session) AS first_time," \
            f" max({time}) OVER (PARTITION BY {keys}, session) AS last_time FROM (" \
            f"SELECT *, sum(begins) OVER (PARTITION BY {keys} ORDER BY {node.rowtime}, id) AS session FROM (" \
            f"SELECT *, CASE WHEN {time} - lag({time}) OVER (PARTITION BY {keys} ORDER BY {node.rowtime}, id) <= {gap} THEN 0 ELSE 1 END AS begins" \
            f" FROM {node.table}))) x"


def flink_query(case):
    return Writer(duck=False).query(case.query)


def flink_script(case):
    """The whole of it, but for what is done with the query's rows."""
    text = "SET 'pipeline.auto-watermark-interval' = '0';\n"
    used = used_names(case)
    text += "".join(t.definition() for t in case.tables if t.name in used)
    text += "".join(sorted({versions_view(node) for tree in used_trees(case, used) for node in tree.walk() if node.kind == "temporal_join"}))
    for name, query in case.views:
        if name in used:
            text += f"CREATE VIEW {name} AS {Writer(duck=False).query(query)};\n"
    return text


def used_trees(case, used):
    return [case.query] + [query for name, query in case.views if name in used]


def versions_name(join):
    return f"versions_{join.right}_{join.key}"


def versions_view(join):
    """Of each key the last row by event time: a table with versions."""
    columns = ", ".join(join.columns)
    return f"CREATE VIEW {versions_name(join)} AS SELECT {columns} FROM (SELECT *, ROW_NUMBER() OVER (" \
        f"PARTITION BY {join.key} ORDER BY ts DESC) AS rn FROM {join.right}) WHERE rn = 1;\n"


def duck_query(case):
    text = Writer(duck=True).query(case.query)
    used = used_names(case)
    for name, query in case.views:
        if name in used:
            text = f"WITH {name} AS ({Writer(duck=True).query(query)}) SELECT * FROM ({text})"
    return text


def used_names(case):
    """Of tables and views."""
    names = set()
    for name, tree in [(None, case.query), *((n, q) for n, q in reversed(case.views))]:
        if name is not None and name not in names:
            continue
        for node in tree.walk():
            if node.kind == "table":
                names.add(node.name)
            elif node.kind == "window_table":
                names.add(node.table)
            elif node.kind == "temporal_join":
                names |= {node.left, node.right}
    return names

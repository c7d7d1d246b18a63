"""Random queries over random tables, as trees (nodes.py). Each query node has `outputs`: its columns. What is not generated:
 - ordering by fewer than all columns: which of two equal rows comes first is nobody's promise;
 - RANK and DENSE_RANK: on a stream Flink answers something else than the standard;
 - aggregates without GROUP BY over nothing: a row in DuckDB, none on a stream of Flink's. They get HAVING COUNT(*) > 0 there."""
from expressions import Expressions
from nodes import N, Output, call, column, literal, varies
from tables import IN_ORDER_MS, make_table

SET_OPERATIONS = ["UNION ALL", "UNION ALL", "UNION", "UNION", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"]
JOINABLE = ["INT", "BIGINT", "STRING", "BOOLEAN", "DATE", "TIMESTAMP(3)", "DECIMAL(5, 2)", "DECIMAL(12, 4)", "DOUBLE"]


class Case:
    def __init__(self, seed, tables, views, query):
        self.seed, self.tables, self.views, self.query = seed, tables, views, query


class Queries:
    def __init__(self, rng):
        self.rng = rng
        self.aliases = 0
        self.tables = []
        self.views = []  # (name, query)

    def case(self, seed):
        rng = self.rng
        for i in range(rng.choice([1, 1, 2, 2, 3, 4])):
            self.tables.append(make_table(rng, i, rng.choice(["append", "append", "changes", "changes", "time"])))
        if rng.random() < 0.15:
            self.views.append(("v0", self.query(rng.choice([0, 1]))))
        return Case(seed, self.tables, self.views, self.query(rng.choice([1, 1, 2, 2, 3])))

    def alias(self):
        self.aliases += 1
        return f"a{self.aliases}"

    # ---- queries

    def query(self, depth):
        rng = self.rng
        kinds = [self.projection] * 4 + [self.aggregation] * 4 + [self.grouping_sets]
        if depth > 0:
            kinds += [self.set_operation] * 2 + [self.top_n] * 2 + [self.over_any, self.limited, self.with_query]
        if any(t.rowtime for t in self.tables):
            kinds += [self.window_aggregation] * 2 + [self.over_time] * 2 + [self.deduplication, self.interval_join, self.window_join, self.window_top_n, self.temporal_join]
        return rng.choice(kinds)(depth)

    def finish(self, kind, items, kids, **attrs):
        """A SELECT: `items` become c0, c1 .."""
        node = N(kind, None, {**kids, "items": [N("item", e.type, {"expr": e}, name=f"c{i}") for i, e in enumerate(items)]}, **attrs)
        return node

    @staticmethod
    def outputs(query):
        if query.kind == "set":
            return Queries.outputs(query.left)
        if query.kind == "with":
            return Queries.outputs(query.query)
        return [Output(i.name, i.type, bool(i.expr.get("exact")), varies(i.expr)) for i in query.items]

    def projection(self, depth):
        rng = self.rng
        source, leaves = self.source(depth)
        if rng.random() < 0.05:
            leaves = leaves + [self.scalar_subquery(leaves)]
        expressions = Expressions(rng, leaves)
        items = [expressions.any(rng.choice([0, 0, 1, 2])) for _ in range(rng.choice([1, 2, 2, 3, 4]))]
        return self.finish("select", items, {"source": source, "where": self.where(expressions, depth), "group": [], "having": []},
                           distinct=rng.random() < 0.12)

    def scalar_subquery(self, outer):
        """An aggregate over another source, of the rows that are equal to the query's own in a column, or of all. A COUNT of none is
        0 in the former, NULL in the latter: so it is in Flink (that has no row of nothing), and so DuckDB is asked (render.py)."""
        rng = self.rng
        source, leaves = self.source(0, simple=True)
        inner = Expressions(rng, leaves)
        item = inner.aggregate(0)
        where = [inner.predicate(0)] if rng.random() < 0.3 else []
        equal = self.equality(outer, leaves) if rng.random() < 0.5 else None
        if equal is not None and equal.op != "eq":
            equal = None
        if equal is not None:
            where.append(equal)
        query = self.finish("select", [item], {"source": source, "where": where, "group": [], "having": []}, distinct=False,
                            aggregated=equal is None)
        return N("scalar", item.type, {"query": query}, exact=bool(item.get("exact")))

    def where(self, expressions, depth):
        rng = self.rng
        conjuncts = []
        constant = expressions.leaves and not any(varies(leaf) for leaf in expressions.leaves)
        while rng.random() < 0.3 and not constant:  # why not: Expressions.predicate
            conjuncts.append(expressions.predicate(rng.choice([0, 1, 2])))
        if rng.random() < 0.25 and depth > 0 and expressions.leaves:
            conjuncts.append(self.subquery_test(expressions, depth - 1))
        if rng.random() < 0.1 and depth > 0 and expressions.leaves:
            conjuncts.append(self.membership(expressions, depth - 1))
        return conjuncts

    def membership(self, outer, depth):
        """IN, > ANY, <> ALL and so on of an uncorrelated subquery, by itself or beside OR."""
        rng = self.rng
        source, leaves = self.source(max(0, depth - 1), simple=True)
        inner = Expressions(rng, leaves)
        item = inner.any(0)
        comparable = item.type in JOINABLE and item.type not in ("BOOLEAN", "DOUBLE")
        ops = ["IN", "NOT IN"] + (["= ANY", "<> ALL", "> ANY", "< ANY", ">= ALL", "<= ALL"] if comparable else [])
        query = self.finish("select", [item], {"source": source, "where": [inner.predicate(0)] if rng.random() < 0.4 else [],
                                               "group": [], "having": []}, distinct=False)
        test = N("membership", "BOOLEAN", {"operand": outer.of(item.type, rng.choice([0, 1])), "query": query}, op=rng.choice(ops))
        return call("or", "BOOLEAN", outer.predicate(0), test) if rng.random() < 0.4 else test

    def subquery_test(self, outer, depth):
        """[NOT] IN or [NOT] EXISTS, with a condition on the query around or without."""
        rng = self.rng
        source, leaves = self.source(max(0, depth - 1), simple=True)
        inner = Expressions(rng, leaves)
        where = [inner.predicate(1)] if rng.random() < 0.4 else []
        if rng.random() < 0.6:
            equal = self.equality(outer.leaves, leaves)
            if equal is not None:
                where.append(equal)
                if rng.random() < 0.3:
                    where.append(Expressions(rng, leaves + outer.leaves).predicate(1))
        negated = "NOT " if rng.random() < 0.5 else ""
        if rng.random() < 0.5:
            item = inner.any(0)
            operand = outer.of(item.type, rng.choice([0, 1]))
        else:
            item, operand = literal("INT", 1), None
        query = self.finish("select", [item], {"source": source, "where": where, "group": [], "having": []}, distinct=False)
        return N("subquery_test", "BOOLEAN", {"operand": operand, "query": query}, negated=negated)

    def aggregation(self, depth):
        rng = self.rng
        source, leaves = self.source(depth)
        expressions = Expressions(rng, leaves)
        keys = []
        for _ in range(rng.choice([0, 1, 1, 1, 2, 2])):
            key = expressions.any(rng.choice([0, 0, 0, 1]))
            if any(n.kind == "column" for n in key.walk()):
                keys.append(key)
        aggregates = [expressions.aggregate() for _ in range(rng.choice([1, 1, 2, 3]))]
        after = Expressions(rng, keys + aggregates)
        items = [k.copy() for k in keys if rng.random() < 0.9] + [a.copy() for a in aggregates]
        if rng.random() < 0.3:
            items.append(self.over_leaves(after))
        having = [after.predicate(1)] if rng.random() < 0.2 else []
        return self.finish("select", items, {"source": source, "where": self.where(expressions, depth), "group": keys, "having": having},
                           distinct=rng.random() < 0.05, aggregated=True)

    @staticmethod
    def over_leaves(expressions):
        """Of keys and aggregates: arguments are not looked at alone."""
        return expressions.of(expressions.rng.choice(expressions.leaves).type, 1)

    def grouping_sets(self, depth):
        rng = self.rng
        source, leaves = self.source(depth)
        columns = [leaf for leaf in leaves if leaf.kind == "column"]
        keys = rng.sample(columns, min(len(columns), rng.choice([1, 2, 2, 3])))
        sets = rng.choice(["ROLLUP", "CUBE", "GROUPING SETS"])
        chosen = None
        if sets == "GROUPING SETS":
            chosen = [sorted(rng.sample(range(len(keys)), rng.randint(0, len(keys)))) for _ in range(rng.choice([1, 2, 3]))]
            for i in range(len(keys)):  # each is in a set
                if not any(i in s for s in chosen):
                    chosen[0] = sorted({*chosen[0], i})
        expressions = Expressions(rng, leaves)
        items = [k.copy() for k in keys] + [expressions.aggregate() for _ in range(rng.choice([1, 2]))]
        if rng.random() < 0.4:
            items.append(N("grouping", "BIGINT", {"args": [rng.choice(keys).copy()]}, exact=True))
        return self.finish("select", items, {"source": source, "where": self.where(expressions, 0), "group": keys, "having": []},
                           distinct=False, aggregated=True, sets=sets, chosen=chosen)

    def set_operation(self, depth):
        rng = self.rng
        left = self.query(depth - 1)
        types = [o.type for o in self.outputs(left)]
        right = self.query(depth - 1) if rng.random() < 0.2 else None
        if right is None or [o.type for o in self.outputs(right)] != types:
            right = self.matching(types, depth - 1)
        return N("set", None, {"left": left, "right": right}, op=rng.choice(SET_OPERATIONS))

    def matching(self, types, depth):
        """A projection with these types."""
        source, leaves = self.source(depth)
        expressions = Expressions(self.rng, leaves)
        items = [expressions.of(t, self.rng.choice([0, 0, 1])) for t in types]
        return self.finish("select", items, {"source": source, "where": self.where(expressions, 0), "group": [], "having": []}, distinct=False)

    def with_query(self, depth):
        """A query used by name, once or twice."""
        name = f"w{self.aliases}"
        inner = self.query(depth - 1)
        outputs = self.outputs(inner)
        sources = []
        for _ in range(self.rng.choice([1, 2])):
            alias = self.alias()
            sources.append((N("table", None, {}, name=name, alias=alias), [column(alias, o.name, o.type, o.exact, o.varies) for o in outputs]))
        source, leaves = sources[0]
        if len(sources) == 2:
            source, leaves = self.joined(sources[0], sources[1])
        expressions = Expressions(self.rng, leaves)
        items = [expressions.any(1) for _ in range(self.rng.choice([1, 2, 3]))]
        outer = self.finish("select", items, {"source": source, "where": self.where(expressions, 0), "group": [], "having": []}, distinct=False)
        return N("with", None, {"inner": inner, "query": outer}, name=name)

    # ---- order

    def ordering(self, leaves):
        """All columns, so that only equal rows have no order."""
        rng = self.rng
        return [N("order", None, {"expr": leaf.copy()}, desc=rng.random() < 0.5) for leaf in rng.sample(leaves, len(leaves))]

    def ranked_source(self, depth):
        source, leaves = self.source(depth, simple=True)
        rng = self.rng
        partition = [leaf.copy() for leaf in rng.sample(leaves, rng.choice([0, 1, 1, min(2, len(leaves))]) if leaves else 0)]
        return source, leaves, partition

    def top_n(self, depth):
        source, leaves, partition = self.ranked_source(depth - 1)
        return self.ranked(source, leaves, partition, self.ordering(leaves), self.where(Expressions(self.rng, leaves), 0))

    def ranked(self, source, leaves, partition, order, where):
        """The first rows of each partition, with their numbers or without."""
        rng = self.rng
        # The window's rows come when it ends, see window_join.
        items = [call("cast", leaf.type, leaf.copy()) if source.get("rowtime") == leaf.name else leaf.copy() for leaf in leaves]
        if rng.random() < 0.25:
            return self.qualified(source, items, N("row_number", "BIGINT", {"partition": partition, "order": order}, exact=True), where)
        inner = self.finish("select", items, {"source": source, "where": where, "group": [], "having": []}, distinct=False)
        inner.items.append(N("item", "BIGINT", {"expr": N("row_number", "BIGINT", {"partition": partition, "order": order}, exact=True)}, name="rn"))
        alias = self.alias()
        outputs = [column(alias, o.name, o.type, o.exact, o.varies) for o in self.outputs(inner)]
        source = N("subquery", None, {"query": inner}, alias=alias)
        rank = outputs.pop()
        where = [call("le", "BOOLEAN", rank.copy(), literal("INT", rng.choice([1, 1, 2, 3])))]
        if rng.random() < 0.15:
            where = [call("between", "BOOLEAN", rank.copy(), literal("INT", 2), literal("INT", 3))]
        if rng.random() < 0.4:
            outputs.append(rank)
        items = rng.sample(outputs, rng.randint(1, len(outputs)))
        return self.finish("select", [i.copy() for i in items], {"source": source, "where": where, "group": [], "having": []}, distinct=False)

    def qualified(self, source, items, rank, where):
        rng = self.rng
        chosen = rng.sample(items, rng.randint(1, len(items)))
        if rng.random() < 0.4:
            chosen.append(rank.copy())
        qualify = [call("le", "BOOLEAN", rank, literal("INT", rng.choice([1, 1, 2, 3])))]
        return self.finish("select", chosen, {"source": source, "where": where, "group": [], "having": [], "qualify": qualify}, distinct=False)

    def limited(self, depth):
        rng = self.rng
        source, leaves = self.source(depth - 1)
        order = self.ordering(leaves)
        items = [leaf.copy() for leaf in rng.sample(leaves, rng.randint(1, len(leaves)))]
        return self.finish("select", items, {"source": source, "where": self.where(Expressions(rng, leaves), 0), "group": [], "having": [],
                                             "order": order}, distinct=False, limit=rng.choice([1, 2, 5]),
                           offset=rng.choice([0, 0, 0, 1, 2]))

    def over_any(self, depth):
        """OVER by ordinary columns from the beginning: equal rows are peers."""
        rng = self.rng
        source, leaves, partition = self.ranked_source(depth - 1)
        expressions = Expressions(rng, leaves)
        # One column, ascending: all that Flink takes.
        window = {"partition": partition, "order": [N("order", None, {"expr": rng.choice(leaves).copy()}, desc=False)]}
        what = self.over_aggregate(expressions)
        over = N("over", what.type, {"call": what, **window}, frame=None, exact=bool(what.get("exact")))
        items = [leaf.copy() for leaf in leaves] + [over]
        return self.finish("select", items, {"source": source, "where": self.where(expressions, 0), "group": [], "having": []}, distinct=False)

    def over_aggregate(self, expressions):
        while True:
            node = expressions.aggregate(0)
            if not node.distinct and node.filter is None:
                return node

    # ---- event time

    def time_table(self):
        table = self.rng.choice([t for t in self.tables if t.rowtime])
        alias = self.alias()
        return table, alias, [column(alias, c.name, c.type) for c in table.columns]

    def window_source(self, kinds=("TUMBLE", "HOP", "CUMULATE")):
        rng = self.rng
        table, alias, leaves = self.time_table()
        kind = rng.choice(kinds)
        size, slide = {"TUMBLE": [(1, 1), (10, 10), (60, 60)], "HOP": [(10, 5), (20, 4), (60, 60), (10, 10)],
                       "CUMULATE": [(10, 5), (60, 20), (20, 5)], "SESSION": [(1, 1), (5, 5), (20, 20)]}[kind][rng.randrange(3)]
        keys = [leaf.name for leaf in rng.sample(leaves[:-1], rng.choice([1, 1, 2]))] if kind == "SESSION" else []
        source = N("window_table", None, {}, table=table.name, rowtime=table.rowtime, alias=alias, window=kind,
                   size=size, slide=slide, keys=keys, columns=[c.name for c in table.columns])
        bounds = [column(alias, "window_start", "TIMESTAMP(3)"), column(alias, "window_end", "TIMESTAMP(3)")]
        return source, leaves, bounds

    def window_aggregation(self, depth):
        rng = self.rng
        source, leaves, bounds = self.window_source(("TUMBLE", "TUMBLE", "HOP", "HOP", "CUMULATE", "SESSION"))
        expressions = Expressions(rng, leaves)
        keys = [b.copy() for b in bounds]
        if source.window == "SESSION":
            keys += [leaf.copy() for leaf in leaves if leaf.name in source.keys]
        else:
            keys += [leaf.copy() for leaf in rng.sample(leaves, rng.choice([0, 0, 1, 2]))]
            if rng.random() < 0.1:  # no window's aggregate: one that updates
                keys.pop(rng.randrange(2))
        aggregates = [expressions.aggregate() for _ in range(rng.choice([1, 1, 2, 3]))]
        items = [k.copy() for k in keys] + aggregates
        where = [expressions.predicate(1)] if rng.random() < 0.25 and source.window != "SESSION" else []
        having = [Expressions(rng, keys + aggregates).predicate(1)] if rng.random() < 0.15 else []
        return self.finish("select", items, {"source": source, "where": where, "group": keys, "having": having}, distinct=False, aggregated=True)

    def window_top_n(self, depth):
        rng = self.rng
        source, leaves, bounds = self.window_source()
        partition = [b.copy() for b in bounds] + [leaf.copy() for leaf in rng.sample(leaves, rng.choice([0, 1]))]
        return self.ranked(source, leaves + bounds, partition, self.ordering(leaves), [])

    def window_join(self, depth):
        rng = self.rng
        left, left_leaves, left_bounds = self.window_source()
        right = left.copy()
        right.attrs["alias"] = alias = self.alias()
        if rng.random() < 0.5:
            table, _, _ = self.time_table()
            right.attrs.update(table=table.name, rowtime=table.rowtime, columns=[c.name for c in table.columns])
        table = next(t for t in self.tables if t.name == right.table)
        right_leaves = [column(alias, c.name, c.type) for c in table.columns]
        on = [call("eq", "BOOLEAN", b.copy(), column(alias, b.name, b.type)) for b in left_bounds]
        equal = self.equality(left_leaves, right_leaves)
        if equal is not None:
            on.append(equal)
        join = N("join", None, {"left": left, "right": right, "on": on}, join=rng.choice(["INNER", "LEFT", "RIGHT", "FULL"]))
        # Its rows come when the window ends: by their own times they are late for what orders by those, here and in Flink.
        items = [leaf.copy() if leaf.type != "TIMESTAMP(3)" else call("cast", leaf.type, leaf.copy())
                 for leaf in rng.sample(left_leaves + right_leaves, rng.choice([1, 2, 3]))]
        return self.finish("select", items, {"source": join, "where": [], "group": [], "having": []}, distinct=False)

    def interval_join(self, depth):
        rng = self.rng
        left_table, left_alias, left_leaves = self.time_table()
        right_table, right_alias, right_leaves = self.time_table()
        lower = call("minus_interval", "TIMESTAMP(3)", column(right_alias, "ts", "TIMESTAMP(3)"), n=rng.choice([0, 1, 5, 60]), unit="SECOND")
        upper = call("plus_interval", "TIMESTAMP(3)", column(right_alias, "ts", "TIMESTAMP(3)"), n=rng.choice([0, 1, 5, 60]), unit="SECOND")
        on = [call("between", "BOOLEAN", column(left_alias, "ts", "TIMESTAMP(3)"), lower, upper)]
        equal = self.equality(left_leaves, right_leaves)
        if equal is not None:
            on.insert(0, equal)
        if rng.random() < 0.3:
            on.append(Expressions(rng, left_leaves + right_leaves).predicate(1))
        left = N("table", None, {}, name=left_table.name, alias=left_alias)
        right = N("table", None, {}, name=right_table.name, alias=right_alias)
        join = N("join", None, {"left": left, "right": right, "on": on}, join=rng.choice(["INNER", "INNER", "LEFT", "RIGHT", "FULL"]))
        items = [leaf.copy() for leaf in rng.sample(left_leaves + right_leaves, rng.choice([1, 2, 3]))]
        return self.finish("select", items, {"source": join, "where": [], "group": [], "having": []}, distinct=False)

    def temporal_join(self, depth):
        """The right table as it was at each left row's time: the last row of a key then, where times differ."""
        rng = self.rng
        # In order: an older row that comes later is no version (the view is of the last row).
        versions = [t for t in self.tables if t.rowtime and t.unique_times and t.delay_ms == IN_ORDER_MS]
        if not versions:
            return self.projection(depth)
        left_table, left_alias, left_leaves = self.time_table()
        right_table, right_alias = rng.choice(versions), self.alias()
        right_leaves = [column(right_alias, c.name, c.type) for c in right_table.columns]
        equal = self.equality(left_leaves[:-1], right_leaves[:-1])
        if equal is None or equal.op != "eq":
            return self.projection(depth)
        on = [equal]
        if rng.random() < 0.2:
            on.append(Expressions(rng, left_leaves[:-1] + right_leaves[:-1]).predicate(0))
        source = N("temporal_join", None, {"on": on}, left=left_table.name, left_alias=left_alias, right=right_table.name,
                   alias=right_alias, key=equal.args[1].name, join=rng.choice(["INNER", "LEFT"]), columns=[c.name for c in right_table.columns])
        items = [leaf.copy() for leaf in rng.sample(left_leaves[:-1] + right_leaves[:-1], rng.choice([1, 2, 3]))]
        return self.finish("select", items, {"source": source, "where": [], "group": [], "having": []}, distinct=False)

    def over_time(self, depth):
        rng = self.rng
        table, alias, leaves = self.time_table()
        expressions = Expressions(rng, leaves)
        frames = [None, "RANGE BETWEEN INTERVAL '5' SECOND PRECEDING AND CURRENT ROW", "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"]
        if table.unique_times:  # else which rows come before is open
            frames += ["ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", "ROWS BETWEEN 3 PRECEDING AND CURRENT ROW",
                       "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"]
        frame = rng.choice(frames)
        partition = [leaf.copy() for leaf in rng.sample(leaves[:-1], rng.choice([0, 1, 1, min(2, len(leaves) - 1)]))]
        order = [N("order", None, {"expr": column(alias, "ts", "TIMESTAMP(3)")}, desc=False)]
        overs, single = [], None
        if table.unique_times and rng.random() < 0.3:  # all OVERs of a SELECT have one frame; these have their own
            frame, arg = None, rng.choice(leaves).copy()
            single = N("aggregate", "BIGINT", {"args": [], "filter": None}, op="row_number", distinct=False, exact=True)
            if rng.random() < 0.5:
                single = N("aggregate", arg.type, {"args": [arg], "filter": None}, op="lag", distinct=False, exact=True)
        for _ in range(1 if single else rng.choice([1, 2])):
            what = single or self.over_aggregate(expressions)
            overs.append(N("over", what.type, {"call": what, "partition": [p.copy() for p in partition], "order": [o.copy() for o in order]},
                           frame=frame, exact=bool(what.get("exact"))))
        items = [leaf.copy() for leaf in rng.sample(leaves, rng.choice([1, 2]))] + overs
        source = N("table", None, {}, name=table.name, alias=alias)
        where = [expressions.predicate(1)] if rng.random() < 0.2 else []
        return self.finish("select", items, {"source": source, "where": where, "group": [], "having": []}, distinct=False)

    def deduplication(self, depth):
        """The first or last row of each key by event time, where times differ."""
        rng = self.rng
        unique = [t for t in self.tables if t.rowtime and t.unique_times]
        if not unique:
            return self.projection(depth)
        table, alias = rng.choice(unique), self.alias()
        leaves = [column(alias, c.name, c.type) for c in table.columns]
        partition = [leaf.copy() for leaf in rng.sample(leaves[:-1], 1)]
        order = [N("order", None, {"expr": column(alias, "ts", "TIMESTAMP(3)")}, desc=rng.random() < 0.5)]
        inner = self.finish("select", [leaf.copy() for leaf in leaves],
                            {"source": N("table", None, {}, name=table.name, alias=alias), "where": [], "group": [], "having": []}, distinct=False)
        inner.items.append(N("item", "BIGINT", {"expr": N("row_number", "BIGINT", {"partition": partition, "order": order}, exact=True)}, name="rn"))
        outer = self.alias()
        outputs = [column(outer, o.name, o.type, o.exact, o.varies) for o in self.outputs(inner)]
        where = [call("eq", "BOOLEAN", outputs.pop(), literal("INT", 1))]
        return self.finish("select", [o.copy() for o in outputs], {"source": N("subquery", None, {"query": inner}, alias=outer),
                                                                   "where": where, "group": [], "having": []}, distinct=False)

    # ---- FROM

    def source(self, depth, simple=False):
        """(node, its columns). `simple`: no join."""
        rng = self.rng
        kind = rng.random()
        if depth > 0 and kind < 0.35 and not simple:
            return self.joined(self.source(depth - 1), self.source(depth - 1 if rng.random() < 0.4 else 0))
        if depth > 0 and kind > 0.9 and not simple:
            return rng.choice([self.unnested, self.lateral])(self.source(depth - 1))
        if depth > 0 and kind < (0.55 if not simple else 0.4):
            alias = self.alias()
            query = self.query(depth - 1)
            return N("subquery", None, {"query": query}, alias=alias), [column(alias, o.name, o.type, o.exact, o.varies) for o in self.outputs(query)]
        if any(t.rowtime for t in self.tables) and rng.random() < 0.06:
            source, leaves, bounds = self.window_source()
            return source, leaves[:-1] + bounds  # without its time, see window_join
        alias = self.alias()
        if rng.random() < 0.05:
            return self.values(alias)
        if self.views and rng.random() < 0.4:
            name, query = self.views[0]
            return N("table", None, {}, name=name, alias=alias), [column(alias, o.name, o.type, o.exact, o.varies) for o in self.outputs(query)]
        table = rng.choice(self.tables)
        return N("table", None, {}, name=table.name, alias=alias), [column(alias, c.name, c.type) for c in table.columns]

    def unnested(self, left):
        """Each row once for each element of an array of its values."""
        rng = self.rng
        source, leaves = left
        element = rng.choice([leaf for leaf in leaves if leaf.type in JOINABLE] or [literal("INT", 7)])
        made = Expressions(rng, leaves)
        elements = [element.copy()] + [made.of(element.type, 0) for _ in range(rng.choice([0, 1, 2]))]
        alias = self.alias()
        node = N("unnest", None, {"left": source, "elements": elements}, alias=alias)
        return node, leaves + [column(alias, "e", element.type)]

    def lateral(self, left):
        """The rows, the first rows or aggregates of a table for each row of the left side."""
        rng = self.rng
        source, leaves = left
        table, inner_alias, alias = rng.choice(self.tables), self.alias(), self.alias()
        inner = [column(inner_alias, c.name, c.type) for c in table.columns]
        equal = self.equality(leaves, inner)
        if equal is None or equal.op != "eq" or not all(leaf.kind == "column" for leaf in leaves):
            return left
        made = Expressions(rng, inner)
        from_table = N("table", None, {}, name=table.name, alias=inner_alias)
        form = rng.choice(["rows", "first", "aggregate"])
        kids = {"source": from_table, "where": [equal], "group": [], "having": []}
        if form == "aggregate":
            query = self.finish("select", [made.aggregate() for _ in range(rng.choice([1, 2]))], kids, distinct=False, aggregated=True)
        else:
            items = [leaf.copy() for leaf in rng.sample(inner, rng.randint(1, len(inner)))]
            if form == "first":
                kids["order"] = self.ordering(inner)
            query = self.finish("select", items, kids, distinct=False, limit=rng.choice([1, 2]) if form == "first" else None)
        node = N("lateral", None, {"left": source, "query": query}, alias=alias, join=rng.choice(["INNER", "LEFT"]))
        return node, leaves + [column(alias, o.name, o.type, o.exact, o.varies) for o in self.outputs(query)]

    def values(self, alias):
        rng = self.rng
        types = [rng.choice(JOINABLE) for _ in range(rng.choice([1, 2, 3]))]
        made = Expressions(rng, [])
        rows = [N("row", None, {"values": [made.constant(t) for t in types]}) for _ in range(rng.choice([1, 2, 4]))]
        names = [f"c{i}" for i in range(len(types))]
        return N("values", None, {"rows": rows}, alias=alias, names=names), [column(alias, n, t) for n, t in zip(names, types)]

    def equality(self, left, right):
        rng = self.rng
        pairs = [(a, b) for a in left for b in right if a.type == b.type and a.type in JOINABLE and a.kind == "column" == b.kind]
        if not pairs:
            return None
        a, b = rng.choice(pairs)
        return call("not_distinct" if rng.random() < 0.08 else "eq", "BOOLEAN", a.copy(), b.copy())

    def joined(self, left, right):
        rng = self.rng
        (left_node, left_leaves), (right_node, right_leaves) = left, right
        kinds = ["INNER", "INNER", "LEFT", "RIGHT", "FULL"]
        shared = self.shared_names(left_leaves, right_leaves)
        if shared and rng.random() < 0.15:
            # Both columns can be called by their table's name; the merged one is what * begins with.
            node = N("join", None, {"left": left_node, "right": right_node, "on": []}, join=rng.choice(kinds), using=rng.choice(shared))
            return node, left_leaves + right_leaves
        on = []
        equal = self.equality(left_leaves, right_leaves)
        if equal is not None and rng.random() < 0.93:
            on.append(equal)
            if rng.random() < 0.2:
                on.append(self.equality(left_leaves, right_leaves))
        leaves = left_leaves + right_leaves
        if not on or rng.random() < 0.25:
            on.append(Expressions(rng, leaves).predicate(1))
        node = N("join", None, {"left": left_node, "right": right_node, "on": on}, join=rng.choice(kinds))
        return node, leaves

    @staticmethod
    def shared_names(left, right):
        """Names of columns that each side has once, of one type."""
        def once(leaves):
            names = [leaf.name for leaf in leaves if leaf.kind == "column"]
            return {leaf.name: leaf.type for leaf in leaves if leaf.kind == "column" and names.count(leaf.name) == 1}
        left, right = once(left), once(right)
        return [name for name, type_name in left.items() if right.get(name) == type_name and type_name in JOINABLE]

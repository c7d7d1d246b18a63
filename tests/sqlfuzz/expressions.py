"""Random typed expressions over given leaves (columns, keys, aggregates). What does not mean the same in Flink and in DuckDB,
even after translation (dialects.py), is not here:
 - logarithms, powers, trigonometry: the last bit of a DOUBLE is the library's;
 - CAST of a DOUBLE to a string, of a string that is no number, of values out of range: Flink fails or shows it otherwise;
 - months between two dates: other rules at their ends; backslashes in LIKE: an escape or not;
 - FIRST_VALUE, LAST_VALUE, LISTAGG, COLLECT as aggregates: they hang on the order of rows."""
from nodes import N, call, decimal, decimal_parts, is_decimal, is_numeric, literal, settled_by_constants, varies
from tables import SCALARS, domain

COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]
PATTERNS = ["'%a%'", "'a%'", "'_'", "'%b'", "'__%'", "'%'", "'A_'", "'x_y'"]
PRECISION_MAX = 30  # beyond it types are capped


class Expressions:
    def __init__(self, rng, leaves):
        self.rng = rng
        self.leaves = leaves

    def of(self, type_name, depth=2):
        """An expression of that type."""
        rng = self.rng
        if depth <= 0 or rng.random() < 0.35:
            return self.leaf(type_name, depth)
        makers = [self.conditional]
        if type_name in ("INT", "BIGINT", "DOUBLE"):
            makers += [self.arithmetic] * 3 + [self.number_function]
        elif is_decimal(type_name):
            makers += [self.decimal_cast] * 2 + [self.number_function]
        makers += {"INT": [self.to_int] * 2, "BIGINT": [self.to_bigint] * 2, "DOUBLE": [self.to_double],
                   "STRING": [self.text] * 4, "BOOLEAN": [self.boolean] * 6, "DATE": [self.date] * 2,
                   "TIMESTAMP(3)": [self.time] * 3}.get(type_name, [])
        return rng.choice(makers)(type_name, depth - 1)

    def any(self, depth=2):
        """An expression of any type, more often of one that is there."""
        rng = self.rng
        if self.leaves and rng.random() < 0.6:
            return self.of(rng.choice(self.leaves).type, depth)
        if rng.random() < 0.12:
            return self.decimal_arithmetic(depth - 1)
        return self.of(rng.choice(SCALARS), depth)

    def predicate(self, depth=2):
        """Not of constants alone: where nothing passes by them, Flink answers an aggregate of all rows without running (a COUNT is 0), which
        else gives no row."""
        for _ in range(20):
            made = self.boolean("BOOLEAN", depth)
            if not self.leaves or varies(made) and not settled_by_constants(made):
                break
        return made

    def leaf(self, type_name, depth=0):
        rng = self.rng
        there = [leaf for leaf in self.leaves if leaf.type == type_name]
        if there and rng.random() < 0.8:
            return rng.choice(there).copy()
        if not there and depth > -2 and rng.random() < 0.5 and self.leaves:
            made = self.converted(type_name)
            if made is not None:
                return made
        return self.constant(type_name)

    def constant(self, type_name):
        if self.rng.random() < 0.06:
            return literal(type_name, None)
        return literal(type_name, self.rng.choice(domain(self.rng, type_name)))

    def converted(self, type_name):
        """A leaf of another type, cast; None: there is no way."""
        rng = self.rng
        source = rng.choice(self.leaves).copy()
        have = source.type
        if have == type_name:
            return source
        if type_name == "BIGINT" and have == "INT":
            return call("cast", "BIGINT", source)
        if type_name == "INT" and have == "STRING":
            return call("length", "INT", source)
        if type_name == "DOUBLE" and have == "INT":
            return call("cast", "DOUBLE", source)
        if type_name == "STRING" and have in ("INT", "BIGINT", "DATE") or type_name == "STRING" and is_decimal(have):
            return call("cast", "STRING", source)
        if type_name == "STRING" and have == "BOOLEAN":
            return call("boolean_to_string", "STRING", source)
        if type_name == "STRING" and have == "TIMESTAMP(3)":
            return call("timestamp_to_string", "STRING", source)
        if type_name == "DATE" and have == "TIMESTAMP(3)" or type_name == "TIMESTAMP(3)" and have == "DATE":
            return call("cast", type_name, source)
        if is_decimal(type_name) and is_decimal(have) and self.fits(have, type_name):
            return call("cast", type_name, source)
        return None

    @staticmethod
    def fits(have, wanted):
        """No value overflows: Flink would make NULL of it, DuckDB an error."""
        (p0, s0), (p1, s1) = decimal_parts(have), decimal_parts(wanted)
        return p0 - s0 < p1 - s1 or (p0 - s0 == p1 - s1 and s0 <= s1)

    # ---- any type

    def conditional(self, t, depth):
        rng = self.rng
        kind = rng.randrange(8)
        if kind == 0:
            return call("coalesce", t, self.of(t, depth), self.of(t, depth), exact=False)
        if kind == 1:
            return call("nullif", t, self.of(t, depth), self.of(t, depth - 1), exact=False)
        if kind == 2:
            return call("case_no_else", t, self.predicate(depth), self.of(t, depth), exact=False)
        if kind == 3:
            return call("case2", t, self.predicate(depth), self.of(t, depth), self.predicate(depth - 1),
                        self.of(t, depth - 1), self.of(t, depth - 1), exact=False)
        if kind == 4:
            probe = rng.choice(SCALARS)
            return call("case_value", t, self.of(probe, depth - 1), self.constant(probe), self.of(t, depth - 1),
                        self.of(t, depth - 1), exact=False)
        if kind == 5 and t not in ("BOOLEAN",):
            return call(rng.choice(["greatest", "least"]), t, self.of(t, depth - 1), self.of(t, depth - 1), exact=False)
        if kind == 6:
            return call("if", t, self.predicate(depth), self.of(t, depth - 1), self.of(t, depth - 1), exact=False)
        return call("case1", t, self.predicate(depth), self.of(t, depth), self.of(t, depth - 1), exact=False)

    # ---- numbers

    def arithmetic(self, t, depth):
        op = self.rng.choice(["add", "add", "sub", "mul", "div", "neg"] + (["mod"] if t != "DOUBLE" else []))
        left = self.of(t, depth)
        if op == "neg":
            return call(f"neg_{t}", t, left, exact=bool(left.get("exact")))
        right = self.of("INT" if t == "BIGINT" and op != "mod" and self.rng.random() < 0.3 else t, depth)
        exact = op in ("add", "sub", "mul") and bool(left.get("exact")) and bool(right.get("exact"))
        return call(f"{op}_{t}", t, left, right, exact=exact or t != "DOUBLE")

    def number_function(self, t, depth):
        rng = self.rng
        arg = self.of(t, depth)
        if t == "DOUBLE":
            return call(rng.choice(["abs", "floor", "ceil"]), t, arg, exact=False) if rng.random() < 0.5 else \
                call("add_DOUBLE", t, call("abs", t, arg, exact=False), literal(t, 1.5), exact=False)
        if is_decimal(t):
            return call("abs", t, arg)
        return call(rng.choice(["abs", "sign"]), t, arg) if t == "BIGINT" or rng.random() < 0.5 else call("sign", t, arg)

    def decimals(self):
        there = [leaf for leaf in self.leaves if is_decimal(leaf.type) and decimal_parts(leaf.type)[0] <= 16]
        if there and self.rng.random() < 0.8:
            return self.rng.choice(there).copy()
        return self.constant(self.rng.choice([decimal(5, 2), decimal(12, 4)]))

    def decimal_arithmetic(self, depth):
        """Of a type that Flink's rules for decimals give."""
        a, b = self.decimals(), self.decimals()
        (p0, s0), (p1, s1) = decimal_parts(a.type), decimal_parts(b.type)
        op = self.rng.choice(["add", "sub", "mul", "div"])
        if op in ("add", "sub"):
            scale = max(s0, s1)
            return call(f"{op}_DECIMAL", decimal(max(p0 - s0, p1 - s1) + scale + 1, scale), a, b)
        if op == "mul":
            return call("mul_DECIMAL", decimal(p0 + p1 + 1, s0 + s1), a, b) if p0 + p1 < PRECISION_MAX else a
        scale = max(6, s0 + p1 + 1)
        precision = p0 - s0 + s1 + scale
        if precision > PRECISION_MAX:
            return a
        return call("div_DECIMAL", decimal(precision, scale), a, b, one0=10 ** s0, one1=10 ** s1, s=scale, shift=scale - s0 + s1)

    def decimal_cast(self, t, depth):
        """A wider or narrower decimal that fits, or an integer."""
        rng = self.rng
        p, s = decimal_parts(t)
        if p - s >= 10 and rng.random() < 0.4:
            return call("cast", t, self.of("INT", depth))
        source = self.decimal_arithmetic(depth) if rng.random() < 0.5 else self.decimals()
        return call("cast", t, source) if self.fits(source.type, t) else self.leaf(t, -2)

    def to_int(self, t, depth):
        rng = self.rng
        kind = rng.randrange(6)
        if kind == 0:
            return call("length", t, self.of("STRING", depth))
        if kind == 1:
            return call("position", t, self.of("STRING", depth), literal("STRING", rng.choice(["a", "b", "xx"])))
        if kind == 2:
            return call("timestamp_diff", t, self.of("TIMESTAMP(3)", depth), self.of("TIMESTAMP(3)", depth - 1),
                        unit=rng.choice(["SECOND", "MINUTE", "HOUR", "DAY"]))
        if kind == 3:
            return call("cast_truncating", t, self.decimals())
        if kind == 4:
            strings = [leaf for leaf in self.leaves if leaf.type == "STRING"]
            if strings:
                return call("try_cast_int", t, rng.choice(strings).copy())
        return call("cast", t, call("cast", "BIGINT", self.of("INT", depth)))

    def to_bigint(self, t, depth):
        rng = self.rng
        kind = rng.randrange(4)
        if kind == 0:
            return call("cast", t, self.of("INT", depth))
        if kind == 1:
            return call("extract", t, self.of("DATE", depth), unit=rng.choice(["YEAR", "MONTH", "DAY", "QUARTER", "DOY", "WEEK"]))
        if kind == 2:
            return call("extract_dow", t, self.of(rng.choice(["DATE", "TIMESTAMP(3)"]), depth))
        return call("extract", t, self.of("TIMESTAMP(3)", depth), unit=rng.choice(["YEAR", "MONTH", "DAY", "HOUR", "MINUTE"]))

    def to_double(self, t, depth):
        if self.rng.random() < 0.5:
            return call("cast", t, self.of("INT", depth))
        return call("cast", t, self.decimals(), exact=False)

    # ---- text

    def text(self, t, depth):
        rng = self.rng
        arg = self.of(t, depth)
        kind = rng.randrange(10)
        if kind == 0:
            return call(rng.choice(["concat", "concat_function", "concat_ws"]), t, arg, self.of(t, depth - 1))
        if kind == 1:
            return call("substring", t, arg, n=rng.randint(1, 3), m=rng.randint(1, 3))
        if kind == 2:
            return call(rng.choice(["substring_rest", "left", "right"]), t, arg, n=rng.randint(1, 3))
        if kind == 3:
            return call(rng.choice(["lpad", "rpad"]), t, arg, n=rng.randint(1, 5))
        if kind == 4:
            return call("replace", t, arg, literal(t, rng.choice(["", "bb", "a"])))
        if kind == 5:
            return call("repeat", t, arg, n=rng.randint(1, 2))
        if kind == 6:
            return call("date_format", t, self.of("TIMESTAMP(3)", depth))
        if kind == 7 and self.leaves:
            made = self.converted("STRING")
            if made is not None:
                return made
        return call(rng.choice(["upper", "lower", "trim", "ltrim", "rtrim", "reverse"]), t, arg)

    # ---- conditions

    def comparable(self, depth):
        """Two expressions of types that both sides compare alike."""
        rng = self.rng
        pool = [leaf.type for leaf in self.leaves] or SCALARS
        t = rng.choice(pool) if rng.random() < 0.8 else rng.choice(SCALARS)
        left = self.of(t, depth)
        other = t
        if t in ("INT", "BIGINT") and rng.random() < 0.25:
            other = rng.choice(["INT", "BIGINT", "DOUBLE"] if t == "INT" else ["INT", "BIGINT"])
        return left, self.of(other, depth - 1 if rng.random() < 0.5 else 0)

    def boolean(self, t, depth):
        rng = self.rng
        kind = rng.randrange(16)
        if kind < 5 or depth < 0:
            return call(rng.choice(COMPARISONS), t, *self.comparable(min(depth, 1)))
        if kind < 7:
            return call(rng.choice(["and", "or"]), t, self.predicate(depth - 1), self.predicate(depth - 1))
        if kind == 7:
            return call("not", t, self.predicate(depth - 1))
        if kind == 8:
            return call(rng.choice(["is_null", "is_not_null"]), t, self.any(depth - 1))
        if kind == 9:
            return call(rng.choice(["distinct", "not_distinct"]), t, *self.comparable(depth - 1))
        if kind == 10:
            return call(rng.choice(["is_true", "is_false", "is_not_true", "is_not_false", "is_unknown"]), t, self.predicate(depth - 1))
        if kind == 11:
            u = rng.choice([x for x in SCALARS if x != "BOOLEAN"])
            return call(rng.choice(["between", "not_between", "between_symmetric"]), t, self.of(u, depth - 1),
                        self.of(u, depth - 2), self.of(u, depth - 2))
        if kind == 12:
            u = rng.choice([x for x in SCALARS if x != "BOOLEAN"])
            return call(rng.choice(["in3", "not_in3"]), t, self.of(u, depth - 1), *[self.constant(u) for _ in range(3)])
        if kind == 13:
            return call(rng.choice(["like", "not_like"]), t, self.of("STRING", depth - 1), pattern=rng.choice(PATTERNS))
        if kind == 14:
            return call("starts_with", t, self.of("STRING", depth - 1), literal("STRING", rng.choice(["a", "", "x"])))
        return self.leaf(t)

    # ---- time

    def date(self, t, depth):
        rng = self.rng
        if rng.random() < 0.4:
            return call("cast", t, self.of("TIMESTAMP(3)", depth))
        if rng.random() < 0.4:
            return call("date_plus_interval", t, self.of(t, depth), n=rng.choice([1, 2, 12]), unit=rng.choice(["MONTH", "YEAR"]))
        return call("date_plus_interval", t, self.of(t, depth), n=rng.choice([1, 7, 31]), unit="DAY")

    def time(self, t, depth):
        rng = self.rng
        if rng.random() < 0.25:
            return call("cast", t, self.of("DATE", depth))
        if rng.random() < 0.4:
            return call("floor_time", t, self.of(t, depth), unit=rng.choice(["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"]))
        return call(rng.choice(["plus_interval", "minus_interval"]), t, self.of(t, depth), n=rng.choice([1, 2, 5]),
                    unit=rng.choice(["SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR"]))

    # ---- aggregates

    def aggregate(self, depth=1):
        rng = self.rng
        node = self.plain_aggregate(depth)
        if rng.random() < 0.2:
            node.kids["filter"] = self.predicate(1)
        return node

    def plain_aggregate(self, depth):
        rng = self.rng
        distinct = rng.random() < 0.25
        kind = rng.randrange(8)
        if kind == 0:
            return N("aggregate", "BIGINT", {"args": [], "filter": None}, op="count_star", distinct=False, exact=True)
        if kind <= 2:
            return self.made_aggregate("count", "BIGINT", self.any(depth), distinct)
        if kind <= 4:
            arg = self.any(depth)
            return self.made_aggregate(rng.choice(["min", "max"]), arg.type, arg, distinct and rng.random() < 0.3)
        arg = self.summable(depth)
        t, name = arg.type, rng.choice(["sum", "sum", "avg"])
        if not is_decimal(t):
            return self.made_aggregate(f"{name}_{t}", t, arg, distinct, exact=t != "DOUBLE" or name == "sum")
        _, s = decimal_parts(t)
        if name == "sum":
            return self.made_aggregate("sum_DECIMAL", decimal(38, s), arg, distinct)
        scale = max(6, s)
        return self.made_aggregate("avg_DECIMAL", decimal(38, scale), arg, distinct, one0=10 ** s, shift=scale - s, s=scale)

    def summable(self, depth):
        """A number whose sum does not hang on the order of its terms."""
        rng = self.rng
        there = [leaf for leaf in self.leaves if is_numeric(leaf.type) and leaf.get("exact")
                 and (not is_decimal(leaf.type) or decimal_parts(leaf.type)[0] <= 20)]
        if rng.random() < 0.3:
            t = rng.choice(["INT", "BIGINT"])
            return self.of(t, depth)
        if not there:
            return self.constant("INT")
        arg = rng.choice(there).copy()
        if arg.type == "DOUBLE" and rng.random() < 0.3:
            return call("add_DOUBLE", "DOUBLE", arg, literal("DOUBLE", 0.5))
        return arg

    @staticmethod
    def made_aggregate(op, type_name, arg, distinct, exact=True, **attrs):
        return N("aggregate", type_name, {"args": [arg], "filter": None}, op=op, distinct=distinct, exact=exact, **attrs)

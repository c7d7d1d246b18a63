"""Trees that both dialects are written from. A query is a tree of N; what is a list of children may lose one, what is None
was optional: the minimiser needs to know no more (minimise.py)."""
import copy


class N:
    """A node: `kind`, the SQL type of an expression (None: no expression), children by name, plain attributes."""

    def __init__(self, kind, type=None, kids=None, **attrs):
        self.kind = kind
        self.type = type
        self.kids = kids or {}
        self.attrs = attrs

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        kids = self.__dict__["kids"]
        if name in kids:
            return kids[name]
        try:
            return self.__dict__["attrs"][name]
        except KeyError:
            raise AttributeError(name) from None

    def get(self, name):
        return self.attrs.get(name)

    def children(self):
        for kid in self.kids.values():
            if isinstance(kid, N):
                yield kid
            elif kid is not None:
                yield from kid

    def walk(self):
        yield self
        for child in self.children():
            yield from child.walk()

    def copy(self):
        return copy.deepcopy(self)


def decimal(precision, scale):
    return f"DECIMAL({precision}, {scale})"


def decimal_parts(type_name):
    precision, scale = type_name[8:-1].split(", ")
    return int(precision), int(scale)


def is_decimal(type_name):
    return type_name.startswith("DECIMAL")


def is_numeric(type_name):
    return type_name in ("INT", "BIGINT", "DOUBLE") or is_decimal(type_name)


def column(alias, name, type_name, exact=True, varies=True):
    """`exact`: sums of it do not depend on their order (DOUBLE alone may not be). Not `varies`: it is a constant of a query within."""
    return N("column", type_name, alias=alias, name=name, exact=exact, varies=varies)


def varies(expression):
    """Whether it is more than constants, of queries within as well: planners compute those."""
    return any(node.get("varies") if node.kind == "column" else node.kind not in ("literal", "call") for node in expression.walk())


def settled_by_constants(expression):
    """Whether a part of a BETWEEN compares constants, which planners compute, too."""
    def settles(node):
        value, low, high = node.args
        return not varies(value) and not (varies(low) and varies(high))
    return any(node.kind == "call" and "between" in node.op and settles(node) for node in expression.walk())


def literal(type_name, value):
    """value: None, int, str of digits (DECIMAL, DOUBLE), str (STRING, DATE, TIMESTAMP(3)), bool."""
    return N("literal", type_name, value=value, exact=True)


def call(op, type_name, *args, exact=True, **attrs):
    """An expression by a template of render.py."""
    return N("call", type_name, {"args": list(args)}, op=op, exact=exact, **attrs)


class Output:
    """A column of a relation."""

    def __init__(self, name, type_name, exact=True, varies=True):
        self.name, self.type, self.exact, self.varies = name, type_name, exact, varies

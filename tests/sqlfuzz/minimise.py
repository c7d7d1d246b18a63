"""Makes a case that fails smaller while it fails in the same way. Whatever gives no valid query is simply refused by an engine."""
import time

from nodes import N
from render import used_names

SECONDS = 60


def minimised(case, fails):
    """`fails(case)`: it still does, in the same way."""
    deadline = time.monotonic() + SECONDS
    progress = True
    while progress and time.monotonic() < deadline:
        progress = False
        for change in candidates(case):
            if time.monotonic() > deadline:
                break
            smaller = case_copy(case)
            if change(smaller) and fails(smaller):
                case, progress = smaller, True
                break
        else:
            progress |= shrink_rows(case, fails, deadline)
    return case


def case_copy(case):
    import copy
    return copy.deepcopy(case)


def trees(case):
    return [case.query] + [q for _, q in case.views]


def slots(case):
    """(holder, key, node) of each node of the query: holder[key] is node. The holder is a node's kids, a list, or the case's own."""
    found = [(case.__dict__, "query", case.query)]
    for tree in trees(case):
        for node in tree.walk():
            for name, kid in node.kids.items():
                if isinstance(kid, N):
                    found.append((node.kids, name, kid))
                elif isinstance(kid, list):
                    found += [(kid, i, child) for i, child in enumerate(kid)]
    return found


def at(case, number):
    return slots(case)[number]


def candidates(case):
    """Changes, those first that take much away."""
    all_slots = slots(case)
    for i, (holder, key, node) in enumerate(all_slots):
        if node.kind in ("select", "set", "with"):
            for inner in list(node.walk())[1:]:
                if inner.kind in ("select", "set", "with"):
                    yield replacing(i, inner)
        if node.kind == "join":
            yield replacing(i, node.left)
            yield replacing(i, node.right)
        if node.kind in ("unnest", "lateral"):
            yield replacing(i, node.left)
    for i, (holder, key, node) in enumerate(all_slots):
        for name, kid in node.kids.items():
            if isinstance(kid, list):
                for position in reversed(range(len(kid))):
                    yield dropping(i, name, position)
            elif kid is not None and name in ("filter",):
                yield clearing(i, name)
        if node.get("distinct"):
            yield setting(i, "distinct", False)
        if node.kind == "join" and node.join != "INNER":
            yield setting(i, "join", "INNER")
        if node.kind == "set" and node.op.endswith(" ALL"):
            yield setting(i, "op", node.op[:-4])
    for i, (holder, key, node) in enumerate(all_slots):
        if node.type is None or node.kind in ("item", "literal"):
            continue
        for inner in list(node.walk())[1:]:
            if inner.type == node.type and inner.kind in ("column", "literal", "call"):
                yield replacing(i, inner)


def replacing(number, node):
    def change(case):
        holder, key, _ = at(case, number)
        holder[key] = node.copy()
        return True
    return change


def dropping(number, name, position):
    def change(case):
        _, _, node = at(case, number)
        kids = node.kids[name]
        if node.kind == "call" or node.kind == "aggregate" or (name in ("items", "elements") and len(kids) == 1):
            return False
        del kids[position]
        return True
    return change


def clearing(number, name):
    def change(case):
        _, _, node = at(case, number)
        node.kids[name] = None
        return True
    return change


def setting(number, name, value):
    def change(case):
        _, _, node = at(case, number)
        node.attrs[name] = value
        return True
    return change


def shrink_rows(case, fails, deadline):
    """Halves, quarters .. of the rows of each table."""
    progress = False
    for index in range(len(case.tables)):
        if case.tables[index].name not in used_names(case):
            continue
        size = max(1, len(history(case.tables[index])) // 2)
        while size >= 1 and time.monotonic() < deadline:
            start = 0
            while start < len(history(case.tables[index])):
                smaller = case_copy(case)
                if drop_rows(smaller.tables[index], start, size) and fails(smaller):
                    case.tables[index] = smaller.tables[index]
                    progress = True
                else:
                    start += size
            size //= 2
    return progress


def history(table):
    return table.rows if table.changes is None else table.changes


def drop_rows(table, start, size):
    """False: what is left is no history (a row is taken back that is not there)."""
    del history(table)[start:start + size]
    if table.changes is None:
        return True
    try:
        left = []
        for position, (kind, row) in enumerate(table.changes):
            if kind == "-U" and (position + 1 == len(table.changes) or table.changes[position + 1][0] != "+U"):
                return False
            if kind == "+U" and (position == 0 or table.changes[position - 1][0] != "-U"):
                return False
            if kind == "+I" and table.key and any(old[0] == row[0] for old in left):
                return False
            left.append(row) if kind[0] == "+" else left.remove(row)
    except ValueError:
        return False
    return True

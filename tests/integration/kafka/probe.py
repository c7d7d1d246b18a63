#!/usr/bin/env python3
"""Raw-socket probe: what a broker answers to exact requests, most of which no library sends. BOOTSTRAP=host:port probe.py
Prints NAME<TAB>value; BASELINE=answers-of-real-kafka.txt (a real Kafka 4.3.0) makes differences exit 1. The consumer
protocol of KIP-848 is left out: a node does not offer it (docs/kafka-deviations.md)."""
import os, socket, struct, sys, time, uuid
H, P = os.environ["BOOTSTRAP"].rsplit(":", 1); OUT = []
def crc32c(b, T=[]):
    if not T:
        for n in range(256):
            c = n
            for _ in range(8): c = (c >> 1) ^ (0x82F63B78 if c & 1 else 0)
            T.append(c)
    c = 0xFFFFFFFF
    for x in b: c = T[(c ^ x) & 255] ^ (c >> 8)
    return c ^ 0xFFFFFFFF
i8 = lambda v: struct.pack(">b", v); i16 = lambda v: struct.pack(">h", v); i32 = lambda v: struct.pack(">i", v); i64 = lambda v: struct.pack(">q", v)
def uv(n):
    o = b""
    while n > 127: o += bytes([n & 127 | 128]); n >>= 7
    return o + bytes([n])
def zz(n): return uv((n << 1) ^ (n >> 63) if n >= 0 else ((-n) << 1) - 1)
S = lambda s: i16(-1) if s is None else i16(len(s)) + s.encode()
CS = lambda s: b"\0" if s is None else uv(len(s) + 1) + s.encode()
A = lambda xs: i32(len(xs)) + b"".join(xs); CA = lambda xs: uv(len(xs) + 1) + b"".join(xs); BY = lambda b: i32(len(b)) + b; Z = b"\0"
class C:
    def __init__(s): s.s = socket.create_connection((H, int(P)), 5); s.s.settimeout(8); s.n = 0
    def raw(s, k, v, body, flex=False, hv1=None):
        s.n += 1; m = i16(k) + i16(v) + i32(s.n) + S("probe") + (Z if flex else b"") + body; s.s.sendall(i32(len(m)) + m)
        n = struct.unpack(">i", s.rd(4))[0]; d = s.rd(n); assert struct.unpack(">i", d[:4])[0] == s.n, "correlation"
        return R(d[4:], flex if hv1 is None else hv1)
    def rd(s, n):
        b = b""
        while len(b) < n:
            x = s.s.recv(n - len(b))
            if not x: raise EOFError("closed")
            b += x
        return b
class R:
    def __init__(s, b, flex): s.b = b; s.p = 0; flex and s.tags()
    def u(s, f): v = struct.unpack_from(f, s.b, s.p)[0]; s.p += struct.calcsize(f); return v
    i8 = lambda s: s.u(">b"); i16 = lambda s: s.u(">h"); i32 = lambda s: s.u(">i"); i64 = lambda s: s.u(">q")
    def uv(s):
        v = q = 0
        while True:
            x = s.b[s.p]; s.p += 1; v |= (x & 127) << q; q += 7
            if x < 128: return v
    def st(s): n = s.i16(); v = None if n < 0 else s.b[s.p:s.p + n].decode(); s.p += max(n, 0); return v
    def cs(s): n = s.uv() - 1; v = None if n < 0 else s.b[s.p:s.p + n].decode(); s.p += max(n, 0); return v
    def by(s): n = s.i32(); v = b"" if n < 0 else s.b[s.p:s.p + n]; s.p += max(n, 0); return v
    def tags(s):
        for _ in range(s.uv()): s.uv(); n = s.uv(); s.p += n
    def ar(s, f): return [f() for _ in range(s.i32())]
def probe(name, f):
    try: v = f()
    except EOFError: v = "connection closed"
    except (socket.timeout, TimeoutError): v = "no answer"
    except Exception as e: v = f"probe error {type(e).__name__} {e}"
    OUT.append((name, str(v))); print(f"{name}\t{v}", flush=True)
def rec(i, v=b"v", k=b"k", ts=0): b = i8(0) + zz(ts) + zz(i) + (zz(-1) if k is None else zz(len(k)) + k) + zz(len(v)) + v + zz(0); return zz(len(b)) + b
def batch(n=1, pid=-1, ep=-1, seq=-1, attr=0, ts=None, v=b"v", k=b"k", magic=2, badcrc=False, lod=None, cnt=None):
    ts = int(time.time() * 1000) if ts is None else ts
    t = i16(attr) + i32(n - 1 if lod is None else lod) + i64(ts) + i64(ts) + i64(pid) + i16(ep) + i32(seq) + i32(n if cnt is None else cnt) + b"".join(rec(i, v, k) for i in range(n))
    t = i32(-1) + i8(magic) + struct.pack(">I", crc32c(t) ^ (1 if badcrc else 0)) + t; return i64(0) + i32(len(t)) + t
def produce(c, tp, b, acks=-1, txn=None, v=7, part=0):
    r = c.raw(0, v, S(txn) + i16(acks) + i32(5000) + A([S(tp) + A([i32(part) + BY(b)])]), flex=False); r.i32(); r.st(); r.i32(); r.i32(); e = r.i16(); o = r.i64(); ts = r.i64(); ls = r.i64(); return e, o
def fetch(c, tp, off, maxb=1 << 20, pmax=1 << 20, iso=0, wait=300, minb=1, v=11, sid=0, sep=-1, le=-1):
    r = c.raw(1, v, i32(-1) + i32(wait) + i32(minb) + i32(maxb) + i8(iso) + i32(sid) + i32(sep) + A([S(tp) + A([i32(0) + i32(le) + i64(off) + i64(-1) + i32(pmax)])]) + A([]) + S(""))
    r.i32(); top = r.i16(); sess = r.i32()
    if r.i32() == 0: return dict(top=top, sess=sess)
    r.st(); r.i32(); r.i32(); e = r.i16(); hw = r.i64(); lso = r.i64(); ls = r.i64(); n = r.i32(); ab = [(r.i64(), r.i64()) for _ in range(max(n, 0))]; rr = r.i32(); d = r.by()
    return dict(top=top, sess=sess, err=e, hw=hw, lso=lso, start=ls, aborted=None if n < 0 else [o for _, o in ab], replica=rr, base=struct.unpack(">q", d[:8])[0] if d else None, bytes=len(d), data=d)
def lo(c, tp, ts, iso=0, v=5, le=-1): r = c.raw(2, v, i32(-1) + i8(iso) + A([S(tp) + A([i32(0) + i32(le) + i64(ts)])])); r.i32(); r.i32(); r.st(); r.i32(); r.i32(); return r.i16(), r.i64(), r.i64(), r.i32()
def lof(c, tp, ts, v): r = c.raw(2, v, i32(-1) + i8(0) + CA([CS(tp) + CA([i32(0) + i32(-1) + i64(ts) + Z]) + Z]) + (i32(0) if v >= 10 else b"") + Z, flex=True); r.i32(); r.uv(); r.cs(); r.uv(); r.i32(); return r.i16(), r.i64(), r.i64()
def mk(c, n=None, parts=1, rf=1, cfg={}, validate=0):
    n = n or "probe-" + uuid.uuid4().hex[:8]; r = c.raw(19, 4, A([S(n) + i32(parts) + i16(rf) + A([]) + A([S(k) + S(v) for k, v in cfg.items()])]) + i32(10000) + i8(validate)); r.i32(); r.i32(); r.st(); e = r.i16(); time.sleep(.25); return n, e
def initpid(c, txn=None, tmo=60000, v=1):
    for _ in range(50):
        r = c.raw(22, v, S(txn) + i32(tmo)); r.i32(); x = (r.i16(), r.i64(), r.i16())
        if x[0] not in (14, 15, 16, 51): return x
        time.sleep(.2)
    return x
def join(c, g, m="", v=5, tmo=10000, inst=None, proto="range", meta=b"", ptype="consumer"):
    r = c.raw(11, v, S(g) + i32(tmo) + i32(tmo) + S(m) + (S(inst) if v >= 5 else b"") + S(ptype) + A([S(proto) + BY(meta)])); v >= 2 and r.i32(); e = r.i16(); gen = r.i32(); pr = r.st(); ld = r.st(); me = r.st(); return dict(err=e, gen=gen, proto=pr, leader=ld, me=me, members=r.i32())
def wait_coord(c, g, t=0):
    for _ in range(100):
        r = c.raw(10, 1, S(g) + i8(t)); r.i32(); e = r.i16()
        if e == 0: return
        time.sleep(.2)
def admin(c, t):
    """What tools ask about security and placement: (code, message) of each part of the answer."""
    def code(r): return r.i16(), r.cs()
    def partition(r):
        r.i32(); found = code(r); r.tags()
        return found
    def topics(r):
        found = []
        for _ in range(r.uv() - 1):
            r.cs(); found += [partition(r) for _ in range(r.uv() - 1)]; r.tags()
        return found
    def head(api, version, body):
        r = c.raw(api, version, body, flex=True); r.i32()
        return r
    acl_filter = i8(2) + CS("t") + i8(3) + CS(None) + CS(None) + i8(1) + i8(1) + Z
    probe("describeacls", lambda: code(head(29, 2, acl_filter)))
    def of_each(r): return [code(r) for _ in range(r.uv() - 1)]
    probe("createacls", lambda: of_each(head(30, 2, CA([i8(2) + CS("t") + i8(3) + CS("User:x") + CS("*") + i8(3) + i8(3) + Z]) + Z)))
    probe("deleteacls", lambda: of_each(head(31, 2, CA([acl_filter]) + Z)))
    def elect(kind, asked):
        r = head(43, 2, i8(kind) + asked + i32(5000) + Z)
        return r.i16(), topics(r)
    def named(name, index=0): return CA([CS(name) + CA([i32(index)]) + Z])
    for name, kind, asked in (("preferred", 0, named(t)), ("unclean", 1, named(t)), ("unknown-topic", 0, named("probe-nowhere")),
                              ("unknown-partition", 0, CA([CS("probe-elect") + CA([i32(9)]) + Z])), ("all", 0, b"\0"), ("type-7", 7, named(t))):
        probe("electleaders-" + name, lambda: elect(kind, asked))
    def reassign(name, replicas, index=0):
        r = head(45, 0, i32(5000) + CA([CS(name) + CA([i32(index) + replicas + Z]) + Z]) + Z)
        return code(r), topics(r)
    for name, topic, replicas in (("where-it-is", t, CA([i32(1)])), ("other-node", t, CA([i32(7)])), ("cancel", t, b"\0"), ("nowhere", t, CA([])),
                                  ("twice", t, CA([i32(1), i32(1)])), ("unknown-topic", "probe-nowhere", CA([i32(1)]))):
        probe("reassign-" + name, lambda: reassign(topic, replicas))
    probe("reassign-unknown-partition", lambda: reassign("probe-elect", CA([i32(1)]), 9))
    def listed(r): return code(r), r.uv() - 1
    probe("listreassignments", lambda: listed(head(46, 0, i32(5000) + b"\0" + Z)))
    probe("describequotas", lambda: listed(head(48, 1, CA([]) + i8(0) + Z)))
    probe("describescram-all", lambda: listed(head(50, 0, b"\0" + Z)))
    def user(r):
        top, _ = code(r), r.uv()
        return top, (r.cs(), *code(r))
    probe("describescram-unknown", lambda: user(head(50, 0, CA([CS("nobody") + Z]) + Z)))
def main():
    c = C()
    def apiv(v, body, flex):
        r = C().raw(18, v, body, flex, hv1=False); e = r.i16(); n = r.i32() if not flex or v > 4 or e == 35 else r.uv() - 1; return e, n
    probe("apiversions-v99-error-and-v0-rows", lambda: (lambda r: (r.i16(), r.i32(), r.i16(), r.i16(), r.i16()))(C().raw(18, 99, b"", True, hv1=False)))
    probe("apiversions-v3-bad-software-name", lambda: apiv(3, CS("bad name!") + CS("1") + Z, True)[0])
    probe("apiversions-v0-ok", lambda: apiv(0, b"", False)[0])
    def fin():
        r = C().raw(18, 4, CS("probe") + CS("1") + Z, True, hv1=False); r.i16()
        for _ in range(r.uv() - 1): r.i16(); r.i16(); r.i16(); r.tags()
        r.i32(); o = []
        for _ in range(r.uv()):
            t = r.uv(); n = r.uv(); q = r.p
            if t == 2: o = sorted((r.cs(), r.i16(), r.i16(), r.tags())[:2] for _ in range(r.uv() - 1))
            r.p = q + n
        return [x for x in o if x[0] in ("transaction.version", "group.version")]
    probe("apiversions-finalized-features", fin)
    probe("metadata-v99", lambda: C().raw(3, 99, b"", True) and "answered"); probe("unknown-api-key-999", lambda: C().raw(999, 0, b"") and "answered")
    probe("oversized-frame", lambda: (lambda x: (x.s.sendall(i32(0x7FFFFFF0) + b"x"), x.rd(1)))(C()))
    def md(v, topics, auto): r = c.raw(3, v, (i32(-1) if topics is None else A([S(t) for t in topics])) + i8(auto)); v >= 3 and r.i32(); r.ar(lambda: (r.i32(), r.st(), r.i32(), r.st())); r.st(); r.i32(); return r.ar(lambda: (r.i16(), r.st(), r.i8(), len(r.ar(lambda: (r.i16(), r.i32(), r.i32(), r.ar(r.i32), r.ar(r.i32), r.ar(r.i32))))))
    tp, e = mk(c, parts=2); probe("metadata-v5-existing", lambda: [(x[0], x[2], x[3]) for x in md(5, [tp], 0)]); probe("metadata-v5-empty-list", lambda: md(5, [], 0)); probe("metadata-v5-missing-no-auto", lambda: [(x[0], x[3]) for x in md(5, ["probe-none-" + uuid.uuid4().hex], 0)]); probe("metadata-v5-bad-name", lambda: [x[0] for x in md(5, ["bad name!"], 1)])
    for nm, kw in (("bad-name", dict(n="bad name!")), ("dots", dict(n="..")), ("dup", dict(n=tp)), ("rf-7", dict(rf=7)), ("zero-partitions", dict(parts=0)), ("defaults", dict(parts=-1, rf=-1)), ("unknown-config", dict(cfg={"no.such": "1"})), ("bad-config-value", dict(cfg={"retention.ms": "x"})), ("small-segment-bytes", dict(cfg={"segment.bytes": "1000"})), ("validate-only", dict(validate=1)), ("name-250", dict(n="a" * 250))): probe("create-topic-" + nm, lambda: mk(c, **kw)[1])
    t = mk(c)[0]; probe("produce-ok", lambda: produce(c, t, batch(3))); probe("produce-second", lambda: produce(c, t, batch(2)))
    probe("produce-unknown-topic", lambda: produce(c, "nope-" + uuid.uuid4().hex, batch())[0]); probe("produce-unknown-partition", lambda: produce(c, t, batch(), part=9)[0]); probe("produce-acks-2", lambda: produce(c, t, batch(), acks=2)[0])
    probe("produce-bad-crc", lambda: produce(c, t, batch(badcrc=True))[0]); probe("produce-two-batches", lambda: produce(C(), t, batch() + batch())[0]); probe("produce-magic-1", lambda: produce(C(), t, batch(magic=1))[0]); probe("produce-empty-records", lambda: produce(C(), t, b"")[0]); probe("produce-count-mismatch", lambda: produce(c, t, batch(2, cnt=1, lod=1))[0]); probe("produce-lastdelta-mismatch", lambda: produce(c, t, batch(2, lod=5))[0]); probe("produce-txn-bit-without-txn-id", lambda: produce(C(), t, batch(attr=0x10, pid=1, ep=0, seq=0))[0]); probe("produce-control-bit", lambda: produce(C(), t, batch(attr=0x20))[0])
    probe("produce-future-2h", lambda: produce(c, t, batch(ts=int(time.time() * 1000) + 7200000))[0]); probe("produce-past-10y", lambda: produce(c, mk(c, cfg={"retention.ms": "-1"})[0], batch(ts=1400000000000))[0])
    tc = mk(c, cfg={"cleanup.policy": "compact"})[0]; probe("produce-null-key-compacted", lambda: produce(c, tc, batch(k=None))[0]); ts_ = mk(c, cfg={"max.message.bytes": "500"})[0]; probe("produce-too-large", lambda: produce(c, ts_, batch(v=b"x" * 600))[0]); sized = lambda n: next(b for b in (batch(v=b"x" * q) for q in range(n)) if len(b) == n); probe("produce-exactly-max", lambda: produce(c, ts_, sized(500))[0]); probe("produce-max-plus-1", lambda: produce(c, ts_, sized(501))[0])
    probe("produce-v2-old", lambda: C().raw(0, 2, i16(-1) + i32(5000) + A([S(t) + A([i32(0) + BY(batch())])])).b.hex()[:40])
    e, pid, ep = initpid(c); probe("initpid", lambda: (e, pid >= 0, ep)); ti = mk(c)[0]; I = lambda n, s, ep_=0: produce(c, ti, batch(n, pid, ep_, s))
    probe("idem-first-seq-7-unknown-pid", lambda: produce(c, mk(c)[0], batch(1, pid, 0, 7))); probe("idem-0..2", lambda: I(3, 0)); probe("idem-3..4", lambda: I(2, 3)); probe("idem-dup-of-0..2", lambda: I(3, 0)); probe("idem-dup-part-0..0", lambda: I(1, 0)); probe("idem-gap-9", lambda: I(1, 9)); probe("idem-5", lambda: I(1, 5))
    for s in range(6, 12): I(1, s)
    probe("idem-dup-older-than-5-batches", lambda: I(3, 0)); probe("idem-epoch1-seq5", lambda: I(1, 5, 1)); probe("idem-epoch1-seq0", lambda: I(1, 0, 1)); probe("idem-epoch0-after-1", lambda: I(1, 12, 0))
    # fetch
    tf = mk(c)[0]; produce(c, tf, batch(5, v=b"a" * 100)); produce(c, tf, batch(5, v=b"b" * 100)); g = lambda *k, **kw: (lambda d: {x: d.get(x) for x in ("top", "err", "hw", "lso", "start", "aborted", "base")})(fetch(c, *k, **kw))
    probe("fetch-0", lambda: g(tf, 0)); probe("fetch-mid-batch", lambda: g(tf, 7)); probe("fetch-at-end", lambda: g(tf, 10, wait=50)); probe("fetch-beyond-end", lambda: g(tf, 11)); probe("fetch-minus-1", lambda: g(tf, -1)); probe("fetch-max-bytes-1", lambda: (lambda d: (d["base"], d["bytes"] > 500))(fetch(c, tf, 0, maxb=1, pmax=1))); probe("fetch-unknown-topic", lambda: fetch(c, "nope-" + uuid.uuid4().hex, 0)["err"]); probe("fetch-session-unknown-id", lambda: fetch(c, tf, 0, sid=12345, sep=5)["top"]); probe("fetch-leader-epoch-newer", lambda: fetch(c, tf, 0, le=1000)["err"])
    def lat(): t0 = time.time(); fetch(c, tf, 10, wait=700, minb=1); return "waited" if .6 < time.time() - t0 < 3 else "did not wait"
    probe("fetch-min-bytes-waits", lat)
    def eprod(): d = fetch(c, tf, 0)["data"]; return struct.unpack(">i", d[12:16])[0] >= 0, crc32c(d[21:12 + struct.unpack(">i", d[8:12])[0]]) == struct.unpack(">I", d[17:21])[0]
    probe("fetch-batch-leader-epoch-set-and-crc-good", eprod); tl = mk(c, cfg={"message.timestamp.type": "LogAppendTime"})[0]; produce(c, tl, batch(2, ts=5)); probe("fetch-log-append-time-bit-and-crc", lambda: (lambda d: (struct.unpack(">h", d[21:23])[0], crc32c(d[21:]) == struct.unpack(">I", d[17:21])[0]))(fetch(c, tl, 0)["data"]))
    # list offsets
    tt = mk(c, cfg={"retention.ms": "-1"})[0]; [produce(c, tt, batch(ts=x)) for x in (5000, 9000, 9000, 7000)]
    for n, s in (("latest", -1), ("earliest", -2), ("ts-6000", 6000), ("ts-9000", 9000), ("ts-9001", 9001), ("ts-0", 0)): probe("listoffsets-" + n, lambda: lo(c, tt, s)[:3])
    for n, s, v in (("max-ts", -3, 7), ("earliest-local", -4, 8), ("latest-tiered", -5, 9), ("earliest-pending-upload", -6, 11), ("minus-3-at-v6", -3, 6), ("minus-9", -9, 11)): probe("listoffsets-" + n, lambda: lof(c, tt, s, v))
    probe("listoffsets-unknown-topic", lambda: lo(c, "nope-" + uuid.uuid4().hex, -1)[0]); probe("listoffsets-epoch-newer", lambda: lo(c, tt, -1, le=1000)[0])
    # transactions, protocol v1
    x = "px-" + uuid.uuid4().hex[:8]; wait_coord(c, x, 1); tx = mk(c)[0]; _, xp, xe = initpid(c, x); probe("txn-initpid", lambda: (_, xe))
    def addp(pid_, ep_):
        for _ in range(50):
            r = c.raw(24, 0, S(x) + i64(pid_) + i16(ep_) + A([S(tx) + A([i32(0)])])); r.i32(); r.i32(); r.st(); r.i32(); r.i32(); q = r.i16()
            if q != 51: return q
            time.sleep(.1)
    def end(pid_, ep_, commit, v=1): r = c.raw(26, v, S(x) + i64(pid_) + i16(ep_) + i8(commit)); r.i32(); return r.i16()
    P_ = lambda s, n=1, ep_=None: produce(c, tx, batch(n, xp, xe if ep_ is None else ep_, s, attr=0x10), txn=x)
    probe("txn-end-when-empty", lambda: end(xp, xe, 1)); probe("txn-produce-not-added", lambda: P_(0)[0]); probe("txn-add", lambda: addp(xp, xe)); probe("txn-produce", lambda: P_(0, 2)); probe("txn-nontxn-data-in-open-txn", lambda: produce(c, tx, batch(1, xp, xe, 2))[0]); produce(c, tx, batch()); F = lambda iso: (lambda d: {q: d.get(q) for q in ("err", "hw", "lso", "aborted", "base")})(fetch(c, tx, 0, iso=iso, wait=50)); probe("txn-open-fetch-committed", lambda: F(1)); probe("txn-open-fetch-uncommitted", lambda: F(0)); probe("txn-open-latest-committed", lambda: lo(c, tx, -1, 1)[2]); probe("txn-open-latest-uncommitted", lambda: lo(c, tx, -1, 0)[2])
    probe("txn-abort", lambda: end(xp, xe, 0)); time.sleep(.5); probe("txn-abort-again", lambda: end(xp, xe, 0)); probe("txn-commit-after-abort", lambda: end(xp, xe, 1)); probe("txn-aborted-fetch", lambda: F(1)); probe("txn-aborted-hw", lambda: F(0)["hw"]); probe("txn-aborted-list-not-in-range", lambda: fetch(c, tx, 3, iso=1)["aborted"])
    addp(xp, xe); P_(2); probe("txn-commit", lambda: end(xp, xe, 1)); time.sleep(.4); probe("txn-commit-again", lambda: end(xp, xe, 1)); q = initpid(c, x); probe("txn-reinit-epoch", lambda: (q[0], q[1] == xp, q[2] - xe)); probe("txn-old-epoch-produce", lambda: P_(3)[0]); probe("txn-old-epoch-end", lambda: end(xp, xe, 1)); probe("txn-wrong-pid-end", lambda: end(xp + 9999, 0, 1)); probe("txn-timeout-too-big", lambda: initpid(c, "py-" + uuid.uuid4().hex, 10 ** 9)[0])
    # groups
    gname = "pg-" + uuid.uuid4().hex[:8]; wait_coord(c, gname); J = lambda *a, **k: join(C(), *a, **k)
    probe("join-v3-empty-id", lambda: (lambda d: (d["err"], d["members"], d["leader"] == d["me"]))(join(C(), gname + "a", v=3))); probe("join-v5-empty-id", lambda: (lambda d: (d["err"], len(d["me"]) > 10, d["gen"]))(J(gname))); probe("join-unknown-member", lambda: J(gname, m="nobody")["err"]); probe("join-short-session", lambda: J(gname, tmo=1000)["err"]); probe("join-empty-group", lambda: J("")["err"])
    k = C(); m = join(k, gname)["me"]; j = join(k, gname, m); probe("join-with-given-id", lambda: (j["err"], j["gen"], j["proto"], j["leader"] == m, j["members"]))
    hb = lambda g_, gen, m_: (lambda r: (r.i32(), r.i16())[1])(k.raw(12, 3, S(g_) + i32(gen) + S(m_) + S(None))); syn = lambda gen, m_: (lambda r: (r.i32(), r.i16(), r.by())[1:])(k.raw(14, 3, S(gname) + i32(gen) + S(m_) + S(None) + A([S(m) + BY(b"assign")])))
    def oc(gen, m_, off=5, meta="", part=0, tpn=None, g_=None): r = k.raw(8, 7, S(g_ or gname) + i32(gen) + S(m_) + S(None) + A([S(tpn or t) + A([i32(part) + i64(off) + i32(-1) + S(meta)])])); r.i32(); r.i32(); r.st(); r.i32(); r.i32(); return r.i16()
    probe("heartbeat-before-sync", lambda: hb(gname, 1, m)); probe("commit-before-sync", lambda: oc(1, m)); probe("sync-wrong-generation", lambda: syn(7, m)[0]); probe("sync", lambda: syn(1, m)); probe("heartbeat-stable", lambda: hb(gname, 1, m)); probe("heartbeat-wrong-gen", lambda: hb(gname, 9, m)); probe("heartbeat-unknown-member", lambda: hb(gname, 1, "x")); probe("commit-member", lambda: oc(1, m)); probe("commit-wrong-gen", lambda: oc(8, m)); probe("commit-simple-into-live-group", lambda: oc(-1, "")); probe("commit-big-metadata", lambda: oc(1, m, meta="x" * 5000)); probe("commit-unknown-partition", lambda: oc(1, m, part=99)); probe("commit-unknown-topic", lambda: oc(1, m, tpn="nope-x")); probe("commit-negative-offset", lambda: oc(1, m, off=-5)); probe("commit-simple-new-group", lambda: oc(-1, "", g_=gname + "simple")); probe("join-other-protocol", lambda: (J(gname, v=3, proto="zzz")["err"])); probe("join-other-type", lambda: J(gname, v=3, ptype="connect")["err"])
    def of(g_, part): r = k.raw(9, 5, S(g_) + A([S(t) + A([i32(part)])])); r.i32(); r.i32(); r.st(); r.i32(); r.i32(); return r.i64(), r.i32(), r.st(), r.i16()
    probe("offsetfetch", lambda: of(gname, 0)); probe("offsetfetch-none", lambda: of(gname + "zz", 0)); probe("offsetfetch-all-unknown-group", lambda: (lambda r: (r.i32(), r.i32(), r.i16())[1:])(k.raw(9, 5, S(gname + "zz") + i32(-1))))
    def dg(g_, v): r = k.raw(15, v, CA([CS(g_)]) + i8(0) + Z if v >= 5 else A([S(g_)]) + (i8(0) if v >= 3 else b""), flex=v >= 5); r.i32(); r.uv() if v >= 5 else r.i32(); e_ = r.i16(); v >= 6 and r.cs(); s = r.cs if v >= 5 else r.st; s(); return e_, s(), s(), s()
    probe("describegroup-stable", lambda: dg(gname, 4)); probe("describegroup-unknown-v4", lambda: dg(gname + "zz", 4)); probe("describegroup-unknown-v6", lambda: dg(gname + "zz", 6)); delg = lambda g_: (lambda r: (r.i32(), r.i32(), r.st(), r.i16())[3])(k.raw(42, 1, A([S(g_)]))); probe("deletegroup-live", lambda: delg(gname)); probe("deletegroup-unknown", lambda: delg(gname + "zz")); probe("leave-v1-unknown", lambda: (lambda r: (r.i32(), r.i16())[1])(k.raw(13, 1, S(gname) + S("x")))); probe("leave-v1", lambda: (lambda r: (r.i32(), r.i16())[1])(k.raw(13, 1, S(gname) + S(m)))); probe("describegroup-empty", lambda: dg(gname, 4)[:3]); probe("deletegroup-empty", lambda: delg(gname))
    probe("saslhandshake-on-plaintext", lambda: C().raw(17, 1, S("PLAIN")).i16()); probe("offsetforleaderepoch-unknown", lambda: (lambda r: (r.i32(), r.i32(), r.st(), r.i32(), r.i16(), r.i32(), r.i32(), r.i64())[4:])(c.raw(23, 3, i32(-1) + A([S(t) + A([i32(0) + i32(-1) + i32(999)])]))))
    probe("deleterecords-beyond-end", lambda: (lambda r: (r.i32(), r.i32(), r.st(), r.i32(), r.i32(), r.i64(), r.i16())[5:])(c.raw(21, 1, A([S(t) + A([i32(0) + i64(999)])]) + i32(5000)))); probe("deleterecords-high-watermark", lambda: (lambda r: (r.i32(), r.i32(), r.st(), r.i32(), r.i32(), r.i64(), r.i16())[5:])(c.raw(21, 1, A([S(tf) + A([i32(0) + i64(-1)])]) + i32(5000)))); probe("fetch-below-log-start", lambda: g(tf, 3))
    mk(c, n="probe-elect"); admin(c, t)
    bf = os.environ.get("BASELINE"); print(f"{len(OUT)} probes", file=sys.stderr)
    if bf:
        want = dict(l.rstrip("\n").split("\t", 1) for l in open(bf) if "\t" in l); d = [(n, v, want.get(n)) for n, v in OUT if want.get(n) != v]
        for n, v, w in d: print(f"DIFF {n}: here {v} | reference {w}", file=sys.stderr)
        print(f"{len(OUT)-len(d)} passed, {len(d)} failed, 0 skipped", file=sys.stderr); sys.exit(bool(d))
main()

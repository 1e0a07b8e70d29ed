"""Writes stability.json: losses and their gradients at magnitudes from 1e-8 to 1e38 (float32) and 1e300 (float64).

Every loss is its definition, in mpmath with so many digits that nothing cancels and nothing overflows; gradients are those
of the definition, by forward-mode differentiation. Beside each number stands its condition: by how many roundings it
changes when every input changes by one, Σ |x_i d/dx_i| / |number|, from differences at 1e-60; hard labels do not change.
Where a gradient is the difference of two things of size 1 (a posterior and a probability, a vector and its projection),
the case is "normwise": errors are to be measured by the largest number of the gradient's row. Needs mpmath; made with 1.3.
"""

import json
import pathlib
import random
import struct

from mpmath import mp, mpf, inf

mp.dps = 1300
STEP = mpf(10) ** -60


# ---- numbers with a gradient -----------------------------------------------------------------------------------------


class D:
    def __init__(self, v, g=None):
        self.v, self.g = mpf(v), g or {}

    def chain(self, v, slope):
        return D(v, {k: slope * x for k, x in self.g.items()} if slope else {})

    def __add__(self, o):
        o = as_d(o)
        g = dict(self.g)
        for k, x in o.g.items():
            g[k] = g.get(k, 0) + x
        return D(self.v + o.v, g)

    def __neg__(self):
        return self.chain(-self.v, -1)

    def __sub__(self, o):
        return self + -as_d(o)

    def __rsub__(self, o):
        return as_d(o) - self

    def __mul__(self, o):
        o = as_d(o)
        return self.chain(0, o.v) + o.chain(self.v * o.v, self.v)

    def __truediv__(self, o):
        return self * reciprocal(as_d(o))

    def __rtruediv__(self, o):
        return as_d(o) * reciprocal(self)

    __radd__, __rmul__ = __add__, __mul__


def as_d(x):
    return x if isinstance(x, D) else D(x)


def reciprocal(x):
    return x.chain(1 / x.v, -1 / x.v**2)


def exp(x):
    e = mp.exp(x.v)
    return x.chain(e, e)


def log(x):
    return x.chain(mp.log(x.v), 1 / x.v)


def power(x, p):  # x >= 0; at 0 the slope is 0
    return x.chain(x.v**p, p * x.v ** (p - 1)) if x.v else D(0 if p else 1)


def sqrt(x):
    return power(x, mpf(1) / 2)


def absolute(x):
    return x.chain(abs(x.v), mp.sign(x.v))


def positive(x):
    return x if x.v > 0 else D(0)


def total(xs):
    s = D(0)
    for x in xs:
        s = s + x
    return s


def largest(xs):
    return max(xs, key=lambda x: as_d(x).v)


# ---- definitions -----------------------------------------------------------------------------------------------------


def lse(x):
    return log(total(exp(k) for k in x))


def cross_entropy(r, o):
    x, t, s = r["input"], r["target"], o.get("label_smoothing", 0)
    q = t if isinstance(t, list) else [float(k == t) for k in range(len(x))]
    q = [(1 - mpf(s)) * v + mpf(s) / len(x) for v in q]
    z = lse(x)
    return total((z - k) * w for k, w in zip(x, q))


def nll(r, o):
    return -r["input"][r["target"]]


def softmax_focal(r, o):
    c = lse(r["input"]) - r["input"][r["target"]]
    return power(1 - exp(-c), mpf(o.get("gamma", 2))) * c


def kl_logits(r, o):
    x, t = r["input"], r["target"]
    z = lse(x)
    return total((mp.log(v) - (k - z)) * v for k, v in zip(x, t) if v)


def entropy_logits(r, o):
    z = lse(r["input"])
    return total(exp(k - z) * (z - k) for k in r["input"])


def sparsemax(z):
    order = sorted(z, key=lambda k: -k.v)
    for n in range(len(z), 0, -1):
        tau = (total(order[:n]) - 1) / n
        if order[n - 1].v > tau.v:
            return [positive(k - tau) for k in z]


def entmax15(z):
    half = [k / 2 for k in z]
    order = sorted(half, key=lambda k: -k.v)
    for n in range(len(z), 0, -1):
        mean = total(order[:n]) / n
        spread = total((k - mean) * (k - mean) for k in order[:n])
        if spread.v > 1:
            continue
        tau = mean - sqrt((1 - spread) / n)
        if order[n - 1].v > tau.v:
            return [positive(k - tau) * positive(k - tau) for k in half]


def fenchel_young(p, r, omega):
    x, y = r["input"], r["target"]
    return total(a * b for a, b in zip(p, x)) - x[y] - omega(p) + omega([D(k == y) for k in range(len(x))])


def sparsemax_loss(r, o):
    return fenchel_young(sparsemax(r["input"]), r, lambda p: (total(k * k for k in p) - 1) / 2)


def entmax15_loss(r, o):
    return fenchel_young(entmax15(r["input"]), r, lambda p: (total(power(k, mpf(3) / 2) for k in p) - 1) / mpf("0.75"))


def softplus(x):
    return log(1 + exp(x))


def sigmoid(x):
    return 1 / (1 + exp(-x))


def bce_logits(r, o):
    x, y, w = r["input"], mpf(r["target"]), mpf(o.get("pos_weight", 1))
    return softplus(x) * (1 - y) + softplus(-x) * (w * y)


def bce(r, o):
    p, y = r["input"], mpf(r["target"])
    return (-log(p) * y if y else D(0)) + (-log(1 - p) * (1 - y) if y != 1 else D(0))


def sigmoid_focal(r, o):
    x, y, a, gamma = r["input"], mpf(r["target"]), mpf(0.25), 2
    p, yes, no = sigmoid(x), softplus(-x), softplus(x)
    ce = yes * y + no * (1 - y)
    kind = o.get("variant", "retinanet")
    if kind == "retinanet":
        return power(p * (1 - y) + (1 - p) * y, gamma) * ce * (a * y + (1 - a) * (1 - y))
    if kind == "absdiff":
        return power(absolute(y - p), gamma) * (yes * (a * y) + no * ((1 - a) * (1 - y)))
    return power(1 - exp(-ce), gamma) * ce * a


def hinge(r, o):
    return positive(1 - r["input"] * r["target"])


def soft_margin(r, o):
    return softplus(-(r["input"] * r["target"]))


def log_cosh(r, o):
    e = absolute(r["input"] - r["target"])
    return log((exp(e) + exp(-e)) / 2)


def huber(r, o):
    e, d = absolute(r["input"] - r["target"]), mpf(o.get("delta", 1))
    return e * e / 2 if e.v <= d else (e - d / 2) * d


def smooth_l1(r, o):
    e = absolute(r["input"] - r["target"])
    return e * e / 2 if e.v < 1 else e - mpf(1) / 2


def poisson(r, o):
    return exp(r["input"]) - r["input"] * mpf(r["target"])


def norm(e, p):
    if p == inf:  # equals share
        top = max(abs(k.v) for k in e)
        ties = [absolute(k) for k in e if abs(k.v) == top]
        return total(ties) / len(ties)
    return power(total(power(absolute(k), mpf(p)) for k in e), mpf(1) / mpf(p)) if any(k.v for k in e) else D(0)


def vector_norm(r, o):
    return norm([a - b for a, b in zip(r["input"], r["target"])], inf if o.get("p") == "inf" else o.get("p", 2))


def triplet_margin(r, o):
    far = lambda b: norm([x - y + mpf(o.get("eps", 1e-6)) for x, y in zip(r["anchor"], b)], 2)
    return positive(1 + far(r["positive"]) - far(r["negative"]))


def dot(a, b):
    return total(x * y for x, y in zip(a, b))


def cosine(a, b, eps=0):
    length = lambda v: largest([norm(v, 2), D(eps)])
    return dot(a, b) / length(a) / length(b)


def cosine_similarity(r, o):
    return cosine(r["x1"], r["x2"], mpf(1e-8))


def info_nce(r, o):
    q, k, t = r["query"], r["positive_key"], mpf(o["temperature"])
    sim = dot if o.get("sim") == "dot" else cosine
    rows = [[sim(a, b) / t for b in k] for a in q]
    return [lse(s) - s[i] for i, s in enumerate(rows)]


def nt_xent(r, o):
    x, t = r["input"], mpf(o["temperature"])
    n = len(x)
    s = [[cosine(a, b) / t for b in x] for a in x]
    return [total(lse([s[i][j] for j in range(n) if j != i]) - s[i][(i + n // 2) % n] for i in range(n)) / n]


def sup_con(r, o):
    x, y, t = r["input"], r["labels"], mpf(o["temperature"])
    n = len(x)
    s = [[cosine(a, b) / t for b in x] for a in x]
    losses = []
    for i in range(n):
        like = [j for j in range(n) if j != i and y[j] == y[i]]
        losses.append(lse([s[i][j] for j in range(n) if j != i]) - total(s[i][j] for j in like) / len(like))
    return [total(losses) / n]


def ctc(r, o):  # over all paths
    x, y = [frame[0] for frame in r["input"]], r["targets"][0]
    steps, classes = len(x), len(x[0])
    scores = [[k - lse(frame) for k in frame] for frame in x]
    found = []

    def walk(t, path, score):
        if t == steps:
            joined = [k for i, k in enumerate(path) if k and (i == 0 or k != path[i - 1])]
            if joined == y:
                found.append(score)
            return
        for k in range(classes):
            walk(t + 1, path + [k], score + scores[t][k])

    walk(0, [], D(0))
    return [-lse(found)]


def cauchy(r, o):
    e = r["input"] - r["target"]
    return log(1 + e * e / 2)


def charbonnier(r, o):
    e = r["input"] - r["target"]
    return sqrt(e * e + mpf(1e-3) * mpf(1e-3))


def student_t(r, o):
    e = (r["input"] - r["target"]) / r["scale"]
    return log(as_d(r["scale"])) + log(1 + e * e / 3) * 2 + mp.log(mp.gamma(mpf(3) / 2)) - mp.log(mp.gamma(2)) + mp.log(3 * mp.pi) / 2


def welsch(r, o):
    e = r["input"] - r["target"]
    return 1 - exp(-(e * e / 2))


def barron(r, o):
    a, e = mpf(o["alpha"]), r["input"] - r["target"]
    b = abs(a - 2)
    return (power(e * e / b + 1, a / 2) - 1) * (b / a)


def binary_entropy_logits(r, o):
    x = r["input"]
    return softplus(x) - x * sigmoid(x)


def bpr(r, o):
    return softplus(r["negative"] - r["positive"])


def margin_ranking(r, o):
    return positive(mpf(o["margin"]) - (r["input1"] - r["input2"]) * r["target"])


def zlpr(r, o):
    wrong, right = [x for x, t in zip(r["input"], r["target"]) if not t], [x for x, t in zip(r["input"], r["target"]) if t]
    return log(1 + total(exp(x) for x in wrong)) + log(1 + total(exp(-x) for x in right))


def multilabel_soft_margin(r, o):
    return total(softplus(x) * (1 - mpf(t)) + softplus(-x) * mpf(t) for x, t in zip(r["input"], r["target"])) / len(r["input"])


def msle(r, o):
    e = log(1 + r["input"]) - mp.log(1 + mpf(r["target"]))
    return e * e


# ---- cases -----------------------------------------------------------------------------------------------------------

FLOAT64 = [1e-8, 1e-3, 1, 30, 300, 1e4, 1e16, 1e38, 1e150, 1e300]
FLOAT32 = [1e-8, 1e-3, 1, 30, 300, 1e4, 1e16, 1e38]
rng = random.Random(7)


def rounded(x, dtype):
    if isinstance(x, list):
        return [rounded(k, dtype) for k in x]
    if isinstance(x, int):
        return x
    if dtype == "float32":
        return struct.unpack("f", struct.pack("f", x))[0]
    return float("%.17g" % x)


def numbers(n, scale):
    return [float("%.6g" % (rng.uniform(0.1, 1) * rng.choice([-1, 1]) * scale)) for _ in range(n)]


def rows_of(scale):
    """A row of one size, and one of all sizes."""
    mixed = [scale, -scale, 0.5, 1e-8]
    rng.shuffle(mixed)
    return [numbers(4, scale), mixed]


def as_json(x):
    x = float(x)
    return "inf" if x == float("inf") else "-inf" if x == float("-inf") else x


def flat(x, path=()):
    if isinstance(x, list):
        for i, k in enumerate(x):
            yield from flat(k, path + (i,))
    else:
        yield path, x


def lifted(x, make, path=()):
    return [lifted(k, make, path + (i,)) for i, k in enumerate(x)] if isinstance(x, list) else make(path, x)


def solve(fn, row, wrt, options):
    """Values, and the gradient of their sum, of one row (or of a whole batch) at high precision."""

    def at(moved):
        given = dict(row)
        for name in row:
            value = lambda path, x: mpf(x) * (1 + STEP) if (name, path) == moved else mpf(x)
            if name in wrt:
                given[name] = lifted(row[name], lambda path, x: D(value(path, x), {(name, path): mpf(1)}))
            elif moved and moved[0] == name:
                given[name] = lifted(row[name], value)
        out = fn(given, options)
        out = out if isinstance(out, list) else [out]
        every = total(out)
        return [v.v for v in out], {key: every.g.get(key, mpf(0)) for key in keys}

    keys = [(name, path) for name in wrt for path, _ in flat(row[name])]
    values, grads = at(None)
    value_change, grad_change = [mpf(0)] * len(values), dict.fromkeys(keys, mpf(0))
    soft = [(name, path) for name in row if name not in wrt for path, x in flat(row[name]) if isinstance(x, float) and x not in (0, 1, -1)]
    for key in keys + soft:
        v, g = at(key)
        value_change = [c + abs(a - b) / STEP for c, a, b in zip(value_change, v, values)]
        grad_change = {k: grad_change[k] + abs(g[k] - grads[k]) / STEP for k in keys}
    condition = lambda change, x: float(mp.nstr(change / abs(x), 2)) if x and change / abs(x) < 1e30 else 1e30 if change else 0
    return (values, [condition(c, v) for c, v in zip(value_change, values)],
            [grads[k] for k in keys], [condition(grad_change[k], grads[k]) for k in keys])


cases = []


def add(loss, fn, dtype, rows, wrt, options=None, batch=False, normwise=False):
    options = options or {}
    rows = [{k: rounded(v, dtype) for k, v in r.items()} for r in rows]
    case = {"loss": loss, "dtype": dtype, "call": dict(options), "normwise": normwise, "values": [], "value_conditions": [], "grads": {n: [] for n in wrt},
            "grad_conditions": {n: [] for n in wrt}}
    for name in rows[0]:
        case["call"][name] = rows[0][name] if batch else [r[name] for r in rows]
    for r in rows:
        v, vc, g, gc = solve(fn, r, wrt, options)
        case["values"] += [as_json(x) for x in v]
        case["value_conditions"] += vc
        at = 0
        for name in wrt:
            n = len(list(flat(r[name])))
            case["grads"][name] += [as_json(x) for x in g[at:at + n]]
            case["grad_conditions"][name] += gc[at:at + n]
            at += n
    cases.append(case)
    print(loss, dtype, options, len(case["values"]), flush=True)


def labelled(scales):
    """Rows with the best, the worst and a middle class as the target."""
    rows = []
    for s in scales:
        for x in rows_of(s):
            order = sorted(range(4), key=lambda k: x[k])
            rows += [{"input": x, "target": order[k]} for k in (0, 2, 3)]
    return rows


for dtype, scales in (("float64", FLOAT64), ("float32", FLOAT32)):
    flat_scales = [x for s in scales for x in (s, -s, 0.7 * s)]
    pairs = lambda targets: [{"input": x, "target": t} for x in flat_scales + [0.0] for t in targets]
    top = 1e30 if dtype == "float32" else 1e290
    spread = [{"input": x, "target": t} for s in scales for x in rows_of(s) for t in ([0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 1.0, 0.0])]
    add("cross_entropy", cross_entropy, dtype, labelled(scales), ["input"])
    add("cross_entropy", cross_entropy, dtype, labelled(scales), ["input"], {"label_smoothing": 0.125})
    add("cross_entropy", cross_entropy, dtype, spread, ["input"])
    add("nll_loss", nll, dtype, labelled(scales), ["input"])
    add("softmax_focal_loss", softmax_focal, dtype, labelled(scales), ["input"])
    add("softmax_focal_loss", softmax_focal, dtype, labelled(scales), ["input"], {"gamma": 1.5})
    add("kl_div_with_logits", kl_logits, dtype, spread, ["input"])
    add("entropy_with_logits", entropy_logits, dtype, [{"input": x} for s in scales for x in rows_of(s)], ["input"])
    add("sparsemax_loss", sparsemax_loss, dtype, labelled(scales), ["input"])
    add("entmax15_loss", entmax15_loss, dtype, labelled(scales), ["input"])
    add("binary_cross_entropy_with_logits", bce_logits, dtype, pairs([0.0, 1.0, 0.25]), ["input"])
    add("binary_cross_entropy_with_logits", bce_logits, dtype, pairs([0.0, 1.0, 0.25]), ["input"], {"pos_weight": 3.0})
    for variant in ("retinanet", "absdiff", "exp_bce"):
        add("sigmoid_focal_loss", sigmoid_focal, dtype, pairs([0.0, 1.0, 0.25]), ["input"], {"variant": variant})
    chances = [1e-30, 1e-8, 1e-3, 0.5, 0.75, 1 - 2**-20, 1 - 2**-24]
    add("binary_cross_entropy", bce, dtype, [{"input": p, "target": y} for p in chances for y in (0.0, 1.0, 0.25)], ["input"], {"clamp": "none"})
    add("hinge_loss", hinge, dtype, pairs([1.0, -1.0]), ["input"])
    add("soft_margin_loss", soft_margin, dtype, pairs([1.0, -1.0]), ["input"])
    gaps = [{"input": x, "target": t} for x in flat_scales for t in (0.0, 0.5)]
    for loss, fn in (("log_cosh_loss", log_cosh), ("huber_loss", huber), ("smooth_l1_loss", smooth_l1)):
        add(loss, fn, dtype, gaps, ["input"])
    add("huber_loss", huber, dtype, gaps, ["input"], {"delta": 0.25})
    rates = [x for x in flat_scales if x < (80 if dtype == "float32" else 700)]
    add("poisson_nll_loss", poisson, dtype, [{"input": x, "target": t} for x in rates for t in (0.0, 3.0)], ["input"])
    for p in (1, 2, 3, "inf"):
        add("vector_norm_loss", vector_norm, dtype, [{"input": x, "target": t} for s in scales for x in rows_of(0.25 * s)
                                                 for t in ([0.0] * 4, [0.5, 0.0, -0.25, 1e-8])[:1 if p == "inf" else 2]],
            ["input"], {"p": p})
    near = [s for s in scales if s <= top]
    add("triplet_margin_loss", triplet_margin, dtype, [{"anchor": a, "positive": b, "negative": c} for s in near for a, b, c in [[numbers(4, s) for _ in range(3)] for _ in range(3)]],
        ["anchor", "positive", "negative"], {"eps": 0.0}, normwise=True)
    add("cosine_similarity", cosine_similarity, dtype, [{"x1": a, "x2": b} for s in near for a, b in [(numbers(4, s), numbers(4, 1)), (numbers(4, s), numbers(4, s)), (rows_of(s)[1], numbers(4, s))]],
        ["x1", "x2"], normwise=True)
    for s in near:
        x = [numbers(3, s) for _ in range(4)]
        add("nt_xent_loss", nt_xent, dtype, [{"input": x}], ["input"], {"temperature": 0.5}, batch=True)
        add("sup_con_loss", sup_con, dtype, [{"input": x, "labels": [1, 2, 1, 2]}], ["input"], {"temperature": 0.125}, batch=True)
        add("info_nce_loss", info_nce, dtype, [{"query": x[:3], "positive_key": [numbers(3, 1) for _ in range(3)]}], ["query", "positive_key"], {"temperature": 0.0625}, batch=True)
        add("info_nce_loss", info_nce, dtype, [{"query": x[:3], "positive_key": [numbers(3, 1) for _ in range(3)]}], ["query", "positive_key"], {"temperature": 1.0, "sim": "dot"}, batch=True)
    for s in scales:
        frames = [[numbers(3, 0.25 * s)] for _ in range(3)]
        for y in ([1], [1, 2], [2, 2]):
            add("ctc_loss_with_logits", ctc, dtype, [{"input": frames, "targets": [y], "input_lengths": [3], "target_lengths": [len(y)]}], ["input"], batch=True, normwise=True)

rng = random.Random(8)
for dtype, scales in (("float64", FLOAT64), ("float32", FLOAT32)):
    flat_scales = [x for s in scales for x in (s, -s, 0.7 * s)]
    gaps = [{"input": x, "target": t} for x in flat_scales for t in (0.0, 0.5)]
    add("cauchy_loss", cauchy, dtype, gaps, ["input"])
    add("charbonnier_loss", charbonnier, dtype, gaps, ["input"])
    add("student_t_nll_loss", student_t, dtype, [dict(g, scale=s) for g in gaps for s in (1.0, 4.0)], ["input"], {"nu": 3})
    add("welsch_loss", welsch, dtype, gaps, ["input"])
    add("barron_general_loss", barron, dtype, gaps, ["input"], {"alpha": 1.0})
    add("barron_general_loss", barron, dtype, gaps, ["input"], {"alpha": -2.0})
    add("binary_entropy_with_logits", binary_entropy_logits, dtype, [{"input": x} for x in flat_scales], ["input"])
    add("bpr_loss", bpr, dtype, [{"positive": x, "negative": y} for x in flat_scales for y in (0.0, 0.5, -0.25 * x)], ["positive", "negative"])
    add("margin_ranking_loss", margin_ranking, dtype, [{"input1": x, "input2": y, "target": t} for x in flat_scales for y in (0.0, -0.25 * x) for t in (1.0, -1.0)],
        ["input1", "input2"], {"margin": 0.5})
    many = [{"input": x, "target": t} for s in scales for x in rows_of(s) for t in ([1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0])]
    add("zlpr_multilabel_loss", zlpr, dtype, many, ["input"])
    add("multilabel_soft_margin_loss", multilabel_soft_margin, dtype, many, ["input"])
    add("msle_loss", msle, dtype, [{"input": abs(x), "target": t} for x in flat_scales[::3] for t in (0.0, 2.0)], ["input"])

path = pathlib.Path(__file__).with_name("stability.json")
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")

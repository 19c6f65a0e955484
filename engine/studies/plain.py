"""Plain: a training as a script of NumPy alone, written out for its own layers and optimizer, so that it can be taken away and read.

It draws the same numbers in the same order as the library does, so that its losses are the same up to rounding.
"""

from collections.abc import Mapping, Sequence

from engine.activations import SELU_ALPHA, SELU_LAMBDA, prelu, rrelu

PHI = {   # activation: phi(z), phi'(z)
    "identity": ("z", "np.ones_like(z)"), "relu": ("np.maximum(z, 0)", "(z > 0).astype(f32)"),
    "leaky_relu": ("np.where(z > 0, z, f32(0.01) * z)", "np.where(z > 0, f32(1), f32(0.01))"),
    "sigmoid": ("1 / (1 + np.exp(-z))", "phi(z) * (1 - phi(z))"), "tanh": ("np.tanh(z)", "1 - np.tanh(z) ** 2"),
    "elu": ("np.where(z > 0, z, np.expm1(np.minimum(z, 0)))", "np.where(z > 0, f32(1), np.exp(np.minimum(z, 0)))"),
    "softplus": ("np.logaddexp(z, f32(0))", "1 / (1 + np.exp(-z))"),
    "selu": (f"np.where(z > 0, {SELU_LAMBDA:.8g} * z, {SELU_LAMBDA * SELU_ALPHA:.8g} * np.expm1(np.minimum(z, 0)))",
             f"np.where(z > 0, f32({SELU_LAMBDA:.8g}), {SELU_LAMBDA * SELU_ALPHA:.8g} * np.exp(np.minimum(z, 0)))"),
    "gelu": ("z * normal(z)", "normal(z) + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)"),
    "swish": ("z / (1 + np.exp(-z))", "phi(z) + (1 - phi(z)) / (1 + np.exp(-z))"),
}
BENT = "prelu", "rrelu"   # their slope to the left of 0 is learned, or drawn: alpha[k] of layer k
STD = {"normal": "1.0", "glorot": "math.sqrt(2 / (n + m))", "he": "math.sqrt(2 / n)", "lecun": "math.sqrt(1 / n)"}
FACTORS = {   # schedule: factor on the learning rate at a step, from 0, of `steps`
    "constant": "", "linear": " * (1 - t / steps)", "step": " * (1.0 if 2 * t < steps else 0.1 if 4 * t < 3 * steps else 0.01)",
    "cosine": " * (1 + math.cos(math.pi * t / steps)) / 2", "warmup": " * min(1.0, (t + 1) / max(1, steps // 10))"}
UPDATES = {   # optimizer: how many memories it has of each parameter P with gradient G, and its lines
    "sgd": (0, "P -= rate * G"), "momentum": (1, "M *= 0.9; M -= rate * G; P += M"),
    "nesterov": (1, "M *= 0.9; M -= rate * G; P += 0.9 * M - rate * G"), "adagrad": (1, "M += G * G; P -= rate * G / (np.sqrt(M) + 1e-7)"),
    "rmsprop": (1, "M *= 0.9; M += 0.1 * G * G; P -= rate * G / (np.sqrt(M) + 1e-7)"),
    "adam": (2, "M *= 0.9; M += 0.1 * G; V *= 0.999; V += 0.001 * G * G\n"
                "            P -= rate * (M / (1 - 0.9 ** t)) / (np.sqrt(V / (1 - 0.999 ** t)) + 1e-8)"),
}
DIGITS = '''data = np.load("digits.npz")   # of the folder engine/data
x, y, new_x, new_y = (data[name] for name in ("x_train", "y_train", "x_test", "y_test"))
'''
MNIST = '''def idx(name, head):   # the four files of MNIST, packed or plain, in this folder
    path = f"{name}-ubyte"
    file = open(path, "rb") if os.path.exists(path) else gzip.open(f"{path}.gz")
    return np.frombuffer(file.read(), np.uint8, offset=head)
x, y = idx("train-images-idx3", 16).reshape(-1, 784), idx("train-labels-idx1", 8)
new_x, new_y = idx("t10k-images-idx3", 16).reshape(-1, 784), idx("t10k-labels-idx1", 8)
'''


ORTHOGONAL = """def orthogonal(n, m):
    q, r = np.linalg.qr(rng.standard_normal((max(n, m), min(n, m))))
    q *= np.sign(np.diag(r))
    return q if n >= m else q.T"""
LSUV = """for h in rng.standard_normal((256, sizes[0])).astype(f32), scaled(x[:256]):   # LSUV: on noise, then on real images
    for k in range(K + 1):
        _, last, cache = forward(h, False)
        found = ([entry[0] for entry in cache] + [last])[k].dot(W[k]).var()
        W[k] /= math.sqrt(found) if abs(found - 1) >= 0.01 else 1"""
STANDARDIZE = """middle, spread = x.mean(axis=0).astype(f32), np.array([column.std() for column in x.T])   # of each pixel
scaled = lambda x: (x - middle) * np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 0).astype(f32)"""
MOVED = """def moved(x):   # each image by up to {p} pixels along either axis
    padded = np.pad(x.reshape(-1, {side}, {side}), ((0, 0), ({p}, {p}), ({p}, {p})))
    down, right = order.integers(0, {most}, (2, len(x)))
    return np.array([image[i:i + {side}, j:j + {side}].ravel() for image, i, j in zip(padded, down, right)])"""


def plain_script(*, data: str, images: int, hidden: Sequence[int], activation: str = "relu", initializer: str = "he_normal", gain: float = 1.0,
                 batch_norm: str | None = None, input_batch_norm: bool = False, dropout: float = 0.0, optimizer: str = "adam",
                 rates: Mapping[int, float], l1: float = 0.0, l2: float = 0.0, schedule: str = "constant", decay: float = 0.01,
                 normalize: str = "scale", shift: int = 0, batch_size: int = 32, epochs: int, seed: int = 0) -> str:
    """A script that trains like the library and prints, after each epoch, the loss of its last batch and the share of new images read correctly.

    `data` is "Digits" or "MNIST"; `rates` tells after which step the learning rate became what, from step 0 on. The other
    arguments are keys and numbers as the library takes them.

    Raises
    ------
    ValueError
        "there is no plain script for constant", under which all classes start alike: the first gradient of the hidden layers is rounding
        alone, and Adam makes a step of it that no other program repeats.
    """
    rule, bent, norms = initializer.partition("_")[0], activation in BENT, bool(batch_norm) + input_batch_norm
    if rule == "constant" and hidden:
        raise ValueError("there is no plain script for constant")
    phi, slope = ("np.where(z > 0, z, alpha[k] * z)", "np.where(z > 0, f32(1), alpha[k])") if bent else PHI[activation]
    call = "z, k" if bent else "z"
    memories, update = UPDATES["adam" if optimizer == "adamw" else optimizer]
    flat = "rng.uniform(-math.sqrt(3), math.sqrt(3), (n, m))" if initializer.endswith("uniform") else "rng.standard_normal((n, m))"
    drawn = {"zeros": "np.zeros((n, m))", "constant": "np.ones((n, m))", "orthogonal": "orthogonal(n, m)", "lsuv": "orthogonal(n, m)"}.get(rule)
    draw = f"{gain!r} * {drawn}" if drawn else f"{gain!r} * {STD[rule]} * {flat}"
    classes_in, pixels, side, top = (DIGITS, 64, 8, 16) if data == "Digits" else (MNIST, 784, 28, 255)
    first, length = int(input_batch_norm), 2 + bool(batch_norm) + bool(dropout)   # layers of the library before the first hidden one, and in each:
    own = "[np.random.default_rng([seed, {} + k * {}]) for k in range(K)]".format   # those that draw have a source of their own
    back = "            d = norm_back(d, k)"
    loss = f" + {l1!r} * sum(np.abs(w).sum() for w in W)" if l1 else ""
    loss += f" + {l2!r} / 2 * sum((w * w).sum() for w in W)" if l2 else ""
    pull = f" + f32({l1!r}) * np.sign(w)" if l1 else ""
    pull += f" + f32({l2!r}) * w" if l2 else ""
    scale = f" * f32(1 / {top})" if normalize == "scale" else ""
    widths = {2: "sizes[1:-1] + sizes[:1]", 1: "sizes[:1]" if input_batch_norm else "sizes[1:-1]"}.get(norms)
    learned, gradients = " + gamma + beta" * bool(norms), " + gg + gbeta" * bool(norms)
    learned, gradients = learned + " + alpha" * (activation == "prelu"), gradients + " + galpha" * (activation == "prelu")
    lines = [
        f'"""{data}: {"-".join(map(str, (pixels, *hidden, 10)))}, {activation}, {optimizer}: one training in plain NumPy."""',
        f"import {'gzip, math, os' if data == 'MNIST' else 'math'}", "import numpy as np", "", "f32 = np.float32", classes_in.rstrip(),
        f"x, y = x[:{images}], y[:{images}]", STANDARDIZE if normalize == "standardize" else f"scaled = lambda x: x.astype(f32){scale}",
        *(["normal = np.vectorize(lambda z: math.erfc(-z / math.sqrt(2)) / 2, otypes=[f32])   # P(N(0, 1) <= z)"] if activation == "gelu" else []),
        f"phi, slope = lambda {call}: {phi}, lambda {call}: {slope}", f"sizes, K = {[pixels, *hidden, 10]}, {len(hidden)}",
        f"rng = np.random.default_rng([{seed}, 0])", *([ORTHOGONAL] if rule in ("orthogonal", "lsuv") else []),
        "W, b = [], []", "for n, m in zip(sizes, sizes[1:]):",
        f"    W.append(({draw}).astype(f32))", "    b.append((0.0 * rng.standard_normal(m)).astype(f32))", "seed = int(rng.integers(2**63))",
    ]
    if dropout:
        lines.append(f"sources = {own(first + length - 1, length)}")
    if activation == "rrelu":
        low, high = rrelu().drawn_slopes
        lines.append(f"draws, alpha = {own(first + 1 + (batch_norm == 'before'), length)}, [0] * K")
    if activation == "prelu":
        lines.append(f"alpha, galpha = [np.full(1, {prelu().learned_slope}, f32) for k in range(K)], [0] * K")
    if norms:
        lines += [
            f"gamma, beta = [np.ones(n, f32) for n in {widths}], [np.zeros(n, f32) for n in {widths}]",
            "mean, var = [0 * g for g in gamma], [0 * g + 1 for g in gamma]", "kept, gg, gbeta = ([0] * len(gamma) for _ in range(3))",
            "def normalise(z, k, training):", "    mu, v = (z.mean(axis=0), z.var(axis=0)) if training else (mean[k], var[k])", "    if training:",
            "        mean[k], var[k] = f32(0.9) * mean[k] + f32(0.1) * mu, f32(0.9) * var[k] + f32(0.1) * v",
            "    kept[k] = (z - mu) / np.sqrt(v + f32(1e-5)), 1 / np.sqrt(v + f32(1e-5))", "    return gamma[k] * kept[k][0] + beta[k]",
            "def norm_back(d, k):", "    hat, inverse = kept[k]", "    gg[k], gbeta[k] = (d * hat).sum(axis=0), d.sum(axis=0)",
            "    return gamma[k] * inverse * (d - d.mean(axis=0) - hat * (d * hat).mean(axis=0))"]
    lines += [
        "def forward(h, training):", "    cache = []", *(["    h = normalise(h, -1, training)"] if input_batch_norm else []),
        "    for k in range(K):", "        z = h @ W[k] + b[k]",
        *(["        z = normalise(z, k, training)"] if batch_norm == "before" else []),
        *([f"        alpha[k] = draws[k].uniform({low!r}, {high!r}, z.shape).astype(f32) if training else f32({(low + high) / 2!r})"]
          if activation == "rrelu" else []),
        f"        a, mask = phi({call}), 1",
        *(["        a = normalise(a, k, training)"] if batch_norm == "after" else []),
        *([f"        mask = (sources[k].random(a.shape, dtype=f32) >= {dropout!r}) / f32({1 - dropout!r}) if training else 1"] if dropout else []),
        "        cache.append((h, z, mask))", "        h = a * mask", "    return h @ W[K] + b[K], h, cache", *([LSUV] if rule == "lsuv" else []), "",
        f"order, t, steps = np.random.default_rng([{seed}, 1]), 0, {epochs} * -(-len(x) // {batch_size})",
        *([MOVED.format(p=shift, side=side, most=2 * shift + 1)] if shift else []), f"params = W + b{learned}",
        *(f"{name} = [0 * P for P in params]" for name in ("first", "second")[:memories]),
        f"rates = {dict(rates)!r}   # from which step on", f"for epoch in range({epochs}):", "    shuffled = order.permutation(len(x))",
        f"    for i in (shuffled[at:at + {batch_size}] for at in range(0, len(x), {batch_size})):",
        f"        logits, h, cache = forward(scaled({'moved(x[i])' if shift else 'x[i]'}), True)",
        "        p = np.exp(logits - logits.max(axis=1, keepdims=True))",
        "        p /= p.sum(axis=1, keepdims=True)", "        rows = np.arange(len(i)), y[i]",
        f"        loss = -np.log(p[rows]).mean(){loss}",
        "        p[rows] -= 1", "        d = p / f32(len(i))   # dJ/d logits", "        gW, gb = [0] * K + [h.T @ d], [0] * K + [d.sum(axis=0)]",
        "        for k in reversed(range(K)):",
        "            (h, z, mask), d = cache[k], d @ W[k + 1].T", *(["            d = d * mask"] if dropout else []),
        *([back] if batch_norm == "after" else []), *(["            galpha[k] = (d * np.minimum(z, 0)).sum()"] if activation == "prelu" else []),
        f"            d = d * slope({call})", *([back] if batch_norm == "before" else []), "            gW[k], gb[k] = h.T @ d, d.sum(axis=0)",
        *(["        norm_back(d @ W[0].T, -1)"] if input_batch_norm else []),
        *([f"        gW = [g{pull} for g, w in zip(gW, W)]"] if pull else []),
        f"        eta = rates.get(t, eta if t else 0); rate = eta{FACTORS[schedule]}", "        t += 1",
        *(["        for w in W:", f"            w *= f32(1 - rate * {decay!r})"] if optimizer == "adamw" else []),
        f"        for P, G{''.join(f', {name}' for name in ('M', 'V')[:memories])} in zip(params, gW + gb{gradients}"
        f"{''.join(f', {name}' for name in ('first', 'second')[:memories])}):", f"            {update}",
        "    right = np.mean(forward(scaled(new_x), False)[0].argmax(axis=1) == new_y)", '    print(epoch + 1, f"{loss:.6f} {right:.4f}")',
    ]
    return "\n".join(lines) + "\n"

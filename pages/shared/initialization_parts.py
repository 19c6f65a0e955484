"""The Initialization page's lessons around the deep network: one neuron, the linear chain, the phase diagram, the matrix, symmetry."""

import math

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import diagnosis, mean_field, propagation
from engine.datasets import load_digits
from engine.initializers import as_initializer
from engine.studies import linear
from engine.studies import symmetry as symmetry_run
from pages.shared import charts_initialization as charts
from pages.shared import frames, layout, runs
from pages.shared.controls import INIT, title
from pages.shared.theme import powers

state = st.session_state


@st.cache_data(max_entries=20, show_spinner=False)
def neuron_table(seed: int) -> pd.DataFrame:
    rng, rows = np.random.default_rng(seed), []
    rules = {"Var(w) = 1": lambda n: 1.0, "Var(w) = 2/n": lambda n: math.sqrt(2 / n), "Var(w) = 1/n": lambda n: math.sqrt(1 / n)}
    for series, rule in rules.items():
        for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
            got = linear.one_neuron(n, rule(n), rng=rng)
            rows.append((n, series, got.measured, got.predicted))
    return pd.DataFrame(rows, columns=["n", "series", "measured", "expected"])


def neuron(v: dict) -> None:
    """Var(z) of one neuron against its number of inputs."""
    table = neuron_table(v["seed"])
    x = alt.X("n", type="quantitative", title="Inputs n", scale=alt.Scale(type="log", domain=[1, 1000]))
    y = alt.Y("expected", type="quantitative", title="Var(z)", scale=alt.Scale(type="log", domain=[0.5, 2000], clamp=True))
    chart = charts.lines_and_points(
        table,
        x,
        y,
        "One neuron adds up its inputs",
        "points: 2,000 random neurons, line: n Var(w) E[x²]",
        ["Var(w) = 1", "Var(w) = 2/n", "Var(w) = 1/n"],
    )
    layout.show(st, chart, "Variance of one neuron's z against its number of inputs, for weights of variance 1, 2/n and 1/n")
    got = table[(table["series"] == "Var(w) = 1") & (table["n"] == 1000)]["measured"].iloc[0]
    z, slope = linear.saturated_neuron(100, 0.5, 1.0)
    layout.verdict(
        f"With weights of variance 1, a thousand inputs give Var(z) = {got:.0f}: the sum grows with n, whatever the inputs. "
        f"A sigmoid neuron with 100 weights of 1, inputs of 0.5 and a bias of 1 stands at z = {z:g}, where its slope is {diagnosis.number(slope)}: "
        "it has stopped learning before it began. Variance 1/n keeps z in reach; 2/n makes up for a ReLU."
    )
    with st.container(width=layout.TEXT_WIDTH):
        st.latex(r"\mathrm{Var}(z) = n\,\mathrm{Var}(w)\,\mathrm{E}[x^2] \qquad \sigma'(51) = \sigma(51)\,\sigma(-51) = 7.095 \times 10^{-23}")


@st.cache_data(max_entries=50, show_spinner=False)
def product_table(depth: int, width: int, seed: int) -> pd.DataFrame:
    rows, rng = [], np.random.default_rng(seed)
    for layers in range(1, depth + 1):
        gaussian = linear.product_singular_values(layers, width, rng=rng)
        orthogonal = linear.product_singular_values(layers, width, orthogonal=True, rng=rng)
        rows += [
            (layers, "largest", gaussian[0], linear.largest_singular_value(layers)),
            (layers, "median", float(np.median(gaussian)), math.nan),
            (layers, "orthogonal", orthogonal[-1], 1.0),
        ]
    return pd.DataFrame(rows, columns=["layer", "series", "measured", "expected"])


def chain(v: dict) -> None:
    """W = aI, and products of random matrices."""
    a, depth = v["gain"], v["depth"]
    layers = np.arange(1, depth + 1)
    bases = {f"a = {base:g}": base for base in dict.fromkeys((a, 1.5, 0.5))}
    table = pd.concat(
        [
            pd.DataFrame({"layer": layers, "series": name, "measured": [linear.chain(base, int(layer)) for layer in layers]})
            for name, base in bases.items()
        ],
        ignore_index=True,
    )
    table["measured"] = table["measured"].clip(1e-20, 1e20)
    table["expected"] = table["measured"]
    x = alt.X(
        "layer",
        type="quantitative",
        title="Layer L",
        scale=alt.Scale(domain=[0.5, depth + 0.5], nice=False),
        axis=alt.Axis(format="d", tickMinStep=1),
    )
    y = alt.Y(
        "expected", type="quantitative", title="aᴸ⁻¹", scale=alt.Scale(type="log", domain=[1e-20, 1e20], clamp=True), axis=powers(-20, -10, 0, 10, 20)
    )
    left, right = st.columns(2)
    layout.show(
        left,
        charts.lines_and_points(table, x, y, "A chain of layers W = aI multiplies", "the gain is a; 1.5 and 0.5 beside it", list(bases)),
        "a to the power L − 1 by layer, for the chosen gain, 1.5 and 0.5",
    )
    products = product_table(min(depth, 20), min(v["width"], 200), v["seed"])
    products["measured"] = products["measured"].clip(lower=1e-4)
    y = alt.Y(
        "expected",
        type="quantitative",
        title="Singular value",
        scale=alt.Scale(type="log", domain=[1e-4, 100], clamp=True),
        axis=alt.Axis(format="~g"),
    )
    x = alt.X(
        "layer",
        type="quantitative",
        title="Matrices multiplied, L",
        scale=alt.Scale(domain=[0.5, 20.5], nice=False),
        axis=alt.Axis(format="d", tickMinStep=1),
    )
    layout.show(
        right,
        charts.lines_and_points(products, x, y, "Products of random matrices", "Gaussian (1/n), and orthogonal", ["largest", "median", "orthogonal"]),
        "Largest and median singular value of a product of Gaussian matrices, and of orthogonal ones, by number of matrices",
    )
    last = products[products["layer"] == products["layer"].max()].set_index("series")["measured"]
    layout.verdict(
        f"After {depth} layer{'s' * (depth > 1)} a = {a:g} has become {diagnosis.number(linear.chain(a, depth))}; 1.5 would be {diagnosis.number(linear.chain(1.5, depth))} and 0.5 "
        f"{diagnosis.number(linear.chain(0.5, depth))}. It is the gain that counts, not the size of the elements. Gaussian matrices keep lengths on average, "
        f"but their product has one direction of {last['largest']:.3g} and a median of {diagnosis.number(last['median'])}; "
        "orthogonal matrices keep every direction."
    )
    with st.container(width=layout.TEXT_WIDTH):
        st.latex(
            rf"\hat y \propto a^{{L-1}} = {layout.tex(a)}^{{{depth - 1}}} = {layout.tex(linear.chain(a, depth))} \qquad "
            r"\sigma_{\max}^2 \to \frac{(L+1)^{L+1}}{L^L}"
        )


@st.cache_data(max_entries=20, show_spinner=False)
def diagram_tables(activation: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    return frames.phase_diagram(mean_field.phase_diagram(activation, np.round(np.arange(1, 41) * 0.1, 1), np.round(np.arange(31) * 0.05, 2)))


def nearest(value: float, options: tuple) -> float:
    return min(options, key=lambda option: abs(option - value))


def on_ladder(name: str, value: object) -> object:
    """The control's own value for an engine setting, the nearest rung where there is none."""
    options = INIT[name].options
    value = "none" if value is None else value
    return value if not options or value in options else nearest(value, options)


def go_to(sigma_w: float, sigma_b: float) -> None:
    """Set the controls to a point of the diagram: LeCun's rule, whose gain is sigma_w."""
    state.update(
        {
            "init_initializer": "lecun_normal",
            "init_gain": nearest(sigma_w, INIT["gain"].options),
            "init_sigma_b": nearest(sigma_b, INIT["sigma_b"].options),
        }
    )


def picked() -> None:
    points = state["init_diagram"].selection.get("pick", [])
    if points:
        go_to(points[0]["sigma_w"], points[0]["sigma_b"])


def phase(v: dict) -> None:
    """χ over (σ_w, σ_b), and where this network stands."""
    sigma_w = v["gain"] * as_initializer(v["initializer"]).std(v["width"], v["width"]) * math.sqrt(v["width"])
    sigma_b = v["sigma_b"]
    chart = charts.phase_diagram(*diagram_tables(v["activation"]), (sigma_w, sigma_b))
    st.altair_chart(
        chart,
        width="stretch",
        key="init_diagram",
        on_select=picked,
        selection_mode="pick",
        alt="Phase diagram: the factor chi of the gradient's variance over the scales of weights and biases, with the critical line",
    )
    critical = mean_field.critical_sigma_w(sigma_b, v["activation"])
    q = mean_field.fixed_point(sigma_w, sigma_b, v["activation"])
    chi = mean_field.chi(q, sigma_w, v["activation"])
    with st.container(horizontal=True):
        if math.isfinite(critical):
            st.button(f"Go to the critical line, σ_w = {critical:.3g}", on_click=go_to, args=(critical, sigma_b), key="init_critical")
        st.caption("A click into the diagram does the same for any point; with the keyboard, move Gain and Bias under LeCun normal.")
    if v["batch_norm"] != "none":
        st.caption("The theory is silent on batch norm: the diagram shows the same network without it.")
    if not math.isfinite(q):
        effect = "it does not settle, it grows without bound."
    elif chi == 1 or abs(math.log(max(chi, 1e-300))) < 1e-3:
        effect = "gradients neither vanish nor explode: this is the critical line, where depth costs least."
    else:
        scale = mean_field.depth_scale(chi)
        effect = (
            f"the gradient's variance {'shrinks' if chi < 1 else 'grows'} by a factor e every "
            f"{scale:.3g} layers; networks of much more than {6 * scale:.0f} layers are out of reach."
            if scale >= 1
            else f"the gradient's variance is multiplied by {diagnosis.number(chi)} in every single layer."
        )
    layout.verdict(
        f"At σ_w = {sigma_w:.3g}, σ_b = {sigma_b:g} the second moment of z settles at q* = {diagnosis.number(q)}, and χ = {chi:.4g}: {effect}"
    )
    with st.container(width=layout.TEXT_WIDTH):
        st.latex(
            rf"q' = \sigma_w^2\,\mathrm{{E}}[\varphi(q^{{1/2}} u)^2] + \sigma_b^2 \qquad "
            rf"\chi = \sigma_w^2\,\mathrm{{E}}[\varphi'({{q^*}}^{{1/2}} u)^2] = {layout.tex(float(f'{chi:.4g}'))} \qquad u \sim \mathcal{{N}}(0, 1)"
        )


@st.cache_data(max_entries=20, show_spinner="Running 132 networks …")
def matrix_table(depth: int, gain: float, seed: int) -> pd.DataFrame:
    with runs.place():
        pairs = diagnosis.survey(depth, width=64, samples=64, gain=gain, seed=seed)
    table = frames.matrix(pairs)
    return table.assign(**{name: table[name].map(title) for name in ("activation", "initializer")})


def matrix(v: dict) -> None:
    """Every activation with every initializer."""
    table = matrix_table(v["depth"], v["gain"], v["seed"])
    layout.show(
        st,
        charts.matrix(table, v["depth"]),
        f"Diagnosis of every activation with every initializer after {v['depth']} layers, and the factor on the gradient",
    )
    healthy = table[table["kind"] == "healthy"]
    count = healthy.groupby("activation").size()
    rescued = [activation for activation in table["activation"].unique() if count.get(activation, 0) == 0]
    layout.verdict(
        f"At depth {v['depth']}, {len(healthy)} of {len(table)} pairs keep signal and gradient within a factor of a thousand. "
        + (f"No rule alone saves {', '.join(rescued)}. " if rescued else "")
        + "Ringed: the rule that was made for the activation. Deeper networks leave fewer, and the rule table writes itself."
    )
    with st.container(width=layout.TEXT_WIDTH):
        st.latex(r"\text{Glorot: } \tfrac{2}{n_{in} + n_{out}} \qquad \text{He: } \tfrac{2}{n_{in}} \qquad \text{LeCun: } \tfrac{1}{n_{in}}")


@st.cache_data(max_entries=40, show_spinner=False)
def symmetry_table(initializer: str, gain: float, activation: str, seed: int) -> pd.DataFrame:
    return frames.symmetry(symmetry_run.count_units(load_digits(), initializer, gain=gain, activation=activation, seed=seed))


def symmetry(v: dict) -> None:
    """Zero and constant weights beside random ones, while a small network trains."""
    rules = {"zeros": ("zeros", 1.0), "constant": ("constant", 0.1), "random": ("glorot_normal", 1.0)}
    table = pd.concat(
        [symmetry_table(rule, gain, v["activation"], v["seed"]).assign(series=name) for name, (rule, gain) in rules.items()], ignore_index=True
    )
    left, right = st.columns(2)
    layout.show(
        left,
        charts.by_step(table, "units", "Different units in hidden layer 1", [0, 21], list(rules)),
        "Number of different units in the first hidden layer while training, for zero, constant and random weights",
    )
    layout.show(right, charts.by_step(table, "loss", "Loss J", [0, 4], list(rules)), "Loss while training, for zero, constant and random weights")
    last = table.groupby("series").last()
    layout.verdict(
        f"After {int(table['step'].max()) + 1} steps the layer of 20 that started constant has {int(last.loc['constant', 'units'])} different unit"
        f"{'s' * int(last.loc['constant', 'units'] > 1)}, with zeros {int(last.loc['zeros', 'units'])}, with random weights {int(last.loc['random', 'units'])}; "
        f"the losses are {diagnosis.number(last.loc['constant', 'loss'])}, {diagnosis.number(last.loc['zeros', 'loss'])} and {diagnosis.number(last.loc['random', 'loss'])}. "
        "The gradients of equal units are not zero, they are identical."
    )
    with st.container(width=layout.TEXT_WIDTH):
        st.latex(
            r"w_1 = w_2 \;\Rightarrow\; z_1 = z_2 \;\Rightarrow\; \frac{\partial J}{\partial w_1} = \frac{\partial J}{\partial w_2} \;\Rightarrow\; w_1 = w_2"
        )


def formula(v: dict, run: propagation.Propagation) -> None:
    """The variance of z, and the scale that would keep it, with this network's numbers in."""
    if not math.isfinite(run.sigma_w[-1]):
        st.latex(r"w_{ij} = w \;\Rightarrow\; z_1 = z_2 = \dots = z_n")
        return
    n, weight = v["width"], run.sigma_w[-1] / math.sqrt(v["width"])
    st.latex(rf"\sigma_w^2 = n\,\mathrm{{Var}}(w) = {n} \times {layout.tex(weight)}^2 = {layout.tex(n * weight**2)}")
    st.latex(rf"\text{{kept at }} \sigma_w = \mathrm{{E}}[\varphi(u)^2]^{{-1/2}} = {layout.tex(mean_field.moments(v['activation']).gain)}")


NEXT = {
    "neuron": ("Go on to the linear chain: the same sum, fifty times over.", "Then *Sigmoid, σ = 1* in the experiment menu: many saturated neurons."),
    "chain": ("Set the gain to 1, then to 1.1: fifty layers forgive very little.", "Width 500: the Gaussian product does not get better with width."),
    "deep": (
        "*Sigmoid, 1/√n*: healthy histograms, and inputs that can no longer be told apart.",
        "*ReLU, 1/√n* at depth 30, then He's rule: a factor of √2 a layer.",
        "*tanh, σ = 1*: the RMS of the gradient hardly falls, its median does.",
        "Any broken network with batch norm before the activation.",
    ),
    "phase": (
        "tanh with σ_b = 0: the critical line is at σ_w = 1; with ReLU it is straight, at √2.",
        "Cross the line by a little at depth 50 and watch the gradient.",
    ),
    "matrix": ("Depth 5, 20 and 50: which rows stay whole?", "Gain 2, and then 0.5: which rule was right about its factor?"),
    "symmetry": ("ReLU with zeros: nothing moves but the output bias.", "Sigmoid with zeros: the output layer moves, and all units move alike."),
}
SOURCES = {
    "neuron": (linear.one_neuron, linear.saturated_neuron),
    "chain": (linear.chain, linear.product_singular_values),
    "deep": (propagation.propagate,),
    "phase": (mean_field.variance_map, mean_field.chi, mean_field.fixed_point),
    "matrix": (diagnosis.survey,),
    "symmetry": (symmetry_run.count_units,),
}


def script(part: str, v: dict) -> str:
    """A short program that prints the numbers of a part."""
    batch_norm = None if v["batch_norm"] == "none" else v["batch_norm"]
    images = (
        "from engine.datasets import load_digits, normalizer\n\ndata = load_digits()\n"
        f'inputs = normalizer("standardize", data)(data.x_train[:{v["samples"]}])\n'
        if v["inputs"] == "digits"
        else "\ninputs = None\n"
    )
    body = {
        "neuron": f"""from engine.studies.linear import one_neuron, saturated_neuron

rng = np.random.default_rng({v["seed"]})
for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
    print(f"n = {{n}}  Var(z) = {{one_neuron(n, 1.0, rng=rng).measured:.4g}}")
print("z = %g, slope %.4g" % saturated_neuron(100, 0.5, 1.0))
""",
        "chain": f"""from engine.studies.linear import chain, product_singular_values

for layer in range(1, {v["depth"]} + 1):
    print(f"L = {{layer}}  a^(L-1) = {{chain({v["gain"]}, layer):.4g}}")
rng = np.random.default_rng({v["seed"]})
for layers in range(1, {min(v["depth"], 20)} + 1):
    gaussian = product_singular_values(layers, {min(v["width"], 200)}, rng=rng)
    orthogonal = product_singular_values(layers, {min(v["width"], 200)}, orthogonal=True, rng=rng)
    print(f"{{layers}} matrices  largest {{gaussian[0]:.4g}}  median {{np.median(gaussian):.4g}}  orthogonal {{orthogonal[-1]:.4g}}")
""",
        "deep": f"""from engine.propagation import propagate
{images}
run = propagate(depth={v["depth"]}, width={v["width"]}, activation={v["activation"]!r}, initializer={v["initializer"]!r}, gain={v["gain"]!r},
                sigma_b={v["sigma_b"]!r}, batch_norm={batch_norm!r}, samples={v["samples"]}, inputs=inputs, rng=np.random.default_rng({v["seed"]}))
for layer in range({v["depth"]}):
    print(f"layer {{layer + 1}}  std {{run.std[layer]:.4g}}  over the data {{run.std_over_data[layer]:.4g}}  gradient {{run.gradient_rms[layer]:.4g}}")
""",
        "phase": f"""from engine.initializers import as_initializer
from engine.mean_field import chi, critical_sigma_w, fixed_point

sigma_w = {v["gain"]} * as_initializer({v["initializer"]!r}).std({v["width"]}, {v["width"]}) * np.sqrt({v["width"]})
q = fixed_point(sigma_w, {v["sigma_b"]}, {v["activation"]!r})
print(f"sigma_w {{sigma_w:.4g}}  q* {{q:.4g}}  chi {{chi(q, sigma_w, {v["activation"]!r}):.4g}}")
print(f"critical sigma_w {{critical_sigma_w({v["sigma_b"]}, {v["activation"]!r}):.4g}}")
""",
        "matrix": f"""from engine.diagnosis import survey

for pair in survey({v["depth"]}, width=64, samples=64, gain={v["gain"]}, seed={v["seed"]}):
    print(f"{{pair.activation}} with {{pair.initializer}}: {{pair.kind}}, gradient x {{pair.gradient:.3g}}")
""",
        "symmetry": f"""from engine.datasets import load_digits
from engine.studies.symmetry import count_units

for rule, gain in (("zeros", 1.0), ("constant", 0.1), ("glorot_normal", 1.0)):
    run = count_units(load_digits(), rule, gain=gain, activation={v["activation"]!r}, seed={v["seed"]})
    print(f"{{rule}}: {{run.units[-1, 0]}} different units, loss {{run.losses[-1]:.4f}}")
""",
    }[part]
    return "import numpy as np\n\n" + body

"""The Batch Norm page's seven lessons: each is an engine call, one to four charts, a sentence, and the formulas."""

import math

import numpy as np
import pandas as pd
import streamlit as st

from engine import propagation, reading
from engine.datasets import load_digits
from engine.studies import input_scaling, layer_list, normalization, sixteen_scales
from engine.training import Verdict
from pages.shared import charts_batch_norm as charts
from pages.shared import layout
from pages.shared.controls import BATCH_NORM
from pages.shared.runs import ScalesRun

state = st.session_state
said = reading.said
RUN_SIZES = BATCH_NORM["run_size"].options
SHIFT_AT, STEPS = 60, 100
SWEEP = tuple(float(s) for s in np.logspace(-2, 1, 13))


def conclude(verdict: Verdict) -> None:
    """The sentence, and the fix where this part's controls have one."""
    layout.verdict(verdict.text)
    layout.fix_button({BATCH_NORM[name].key: value for name, value in verdict.fix.items()})


def term(x: float) -> str:
    """A number in the middle of a formula: negative ones in brackets."""
    return layout.tex(x) if x >= 0 else f"({layout.tex(x)})"


def formula(text: str) -> None:
    """Formulas set apart by \\qquad stand side by side, and below each other on a phone."""
    with st.container(horizontal=True, horizontal_alignment="center"):
        for part in text.split(r"\qquad"):
            st.latex(part.strip(), width="content")


def table(frame: pd.DataFrame, label: str, file: str) -> None:
    with st.expander(label):
        st.dataframe(frame, hide_index=True)
        layout.download(frame, file)


# The mini-batch and its gradient -------------------------------------------------------------------------------------


def steps_of(v: dict) -> normalization.BatchSteps:
    if v["values"].strip():
        try:
            x = normalization.parse_batch(v["values"])
        except ValueError as error:
            st.warning(f"This batch cannot be read: {error}. The drawn one is used.")
        else:
            return normalization.normalize_batch(x, v["gamma"], v["beta"], v["epsilon"])
    x = normalization.draw_batch(v["size"], v["spread"], v["pull"], v["seed"])
    return normalization.normalize_batch(x, v["gamma"], v["beta"], v["epsilon"])


def reach_of(values: np.ndarray, usual: float) -> float:
    """Half of an axis: the usual one, doubled until the values fit."""
    largest = float(np.abs(values).max())
    return usual if largest <= usual else usual * 2 ** math.ceil(math.log2(largest / usual))


def batch(v: dict) -> None:
    steps = steps_of(v)
    m = len(steps.x)
    columns = dict(zip(charts.STAGES, (steps.x, steps.x - steps.mean, steps.normalized, steps.y), strict=True))
    frame = pd.DataFrame(columns).rename_axis("index").reset_index().melt("index", var_name="stage")
    frame["index"] += 1
    rows = {2: steps.normalized, 1: steps.y}
    dots = pd.DataFrame([(row, value) for row, values in rows.items() for value in values], columns=["row", "value"])
    marks = pd.DataFrame(
        [(row, a.mean() - a.std(), a.mean(), a.mean() + a.std(), a.std()) for row, a in rows.items()], columns=["row", "low", "mean", "high", "std"]
    )
    left, right = st.columns([3, 2])
    alt = f"{m} values on their way through the four equations of batch norm"
    layout.show(left, charts.batch(frame, reach_of(np.concatenate([steps.x, steps.y]), 15.0)), alt)
    layout.show(right, charts.before_after(dots, marks), "Normalised values and outputs as ticks, with mean and spread")
    conclude(reading.read_batch(steps))
    with st.container(width=layout.TEXT_WIDTH):
        listed = " + ".join(term(x) for x in steps.x[:3]) + (r" + \dots" if m > 3 else "")
        formula(rf"\mu_B = \frac{{1}}{{{m}}} \left({listed}\right) = {layout.tex(steps.mean)}")
        formula(rf"\sigma_B^2 = \frac{{1}}{{{m}}} \sum_i (x_i - \mu_B)^2 = {layout.tex(steps.variance)}")
        first, centre = layout.tex(steps.x[0]), term(steps.mean)
        formula(
            rf"\hat x_1 = \frac{{x_1 - \mu_B}}{{\sqrt{{\sigma_B^2 + \varepsilon}}}} \qquad = \frac{{{first} - {centre}}}"
            rf"{{\sqrt{{{layout.tex(steps.variance)} + {layout.tex(steps.epsilon)}}}}} = {layout.tex(steps.normalized[0])}"
        )
        formula(
            rf"y_1 = \gamma \hat x_1 + \beta = {layout.tex(steps.gamma)} \cdot {term(steps.normalized[0])} + {term(steps.beta)}"
            rf" = {layout.tex(steps.y[0])}"
        )
    numbers = pd.DataFrame(columns)
    numbers.insert(0, "i", range(1, m + 1))
    table(numbers, "All numbers", "mini_batch.csv")


def upstream(m: int, seed: int) -> np.ndarray:
    """What the layers above send back: N(0, 1) for each example."""
    return np.random.default_rng([seed, 1]).standard_normal(m)


@st.cache_data(max_entries=50, show_spinner=False)
def invariance(epsilon: float, seed: int) -> normalization.ScaleInvariance:
    return normalization.scale_invariance(np.logspace(-4, 4, 17), epsilon=epsilon, seed=seed)


def gradient(v: dict) -> None:
    steps = steps_of(v)
    m = len(steps.x)
    terms = normalization.gradient_terms(steps, upstream(m, v["seed"]))
    example = np.arange(1, m + 1)
    parts = {"direct": terms.direct, "through μ": terms.through_mean, "through σ²": terms.through_variance}
    bars = pd.DataFrame({"example": example, **parts}).melt("example", var_name="term")
    law = invariance(v["epsilon"], v["seed"])
    middle = len(law.scales) // 2
    lines = pd.DataFrame({"s": law.scales, "norm": law.gradient_norm, "law": law.gradient_norm[middle] / law.scales, "change": law.output_change})
    left, right = st.columns([3, 2])
    reach = reach_of(np.concatenate([*parts.values()]), 1.5)
    alt = "Direct gradient of each example, the parts that flow back through mean and variance, and their sum"
    layout.show(left, charts.gradient_terms(bars, pd.DataFrame({"example": example, "dx": terms.dx}), reach), alt)
    layout.show(right, charts.scale_law(lines), "Norm of the weights' gradient against a factor on the weights: it falls as one over it")
    conclude(reading.read_gradient(steps, terms, law))
    with st.container(width=layout.TEXT_WIDTH):
        formula(
            r"dx_i = \frac{\gamma}{\sqrt{\sigma_B^2 + \varepsilon}} \Big( dy_i - \overline{dy} - \hat x_i\,\overline{dy\,\hat x} \Big)"
            rf" \qquad dx_1 = {layout.tex(terms.direct[0])} + {term(terms.through_mean[0])} + {term(terms.through_variance[0])}"
            rf" = {layout.tex(terms.dx[0])}"
        )
        formula(rf"d\gamma = \sum dy_i\,\hat x_i = {layout.tex(terms.dgamma)} \qquad d\beta = \sum dy_i = {layout.tex(terms.dbeta)}")
        formula(
            r"\mathrm{BN}(x \cdot sW) = \mathrm{BN}(x \cdot W) \qquad \|\partial L / \partial W\| \propto 1/s \qquad"
            r"w \cdot \partial L/\partial w = 0"
        )
    numbers = pd.DataFrame({"i": example, "x̂": steps.normalized, "dy": terms.dy, **parts, "dx": terms.dx})
    table(numbers, "All numbers", "gradient_terms.csv")


# Training and use ----------------------------------------------------------------------------------------------------


@st.cache_data(max_entries=20, show_spinner=False)
def neighbour_table(seed: int) -> pd.DataFrame:
    sizes = np.array([2, 4, 8, 16, 32, 64, 128, 256, 512])
    measured, rule = normalization.neighbours(sizes, seed=seed)
    return pd.DataFrame({"size": sizes, "measured": measured, "rule": rule})


def simulate(v: dict) -> normalization.RunningStatistics:
    return normalization.running_statistics(
        steps=STEPS, batch_size=v["run_size"], momentum=v["momentum"], shift_at=SHIFT_AT, shift=2 * v["shift"], seed=v["seed"]
    )  # inputs have a spread of 2


def running(v: dict) -> None:
    run, k = simulate(v), v["evaluate"]
    step = np.arange(STEPS + 1)
    tables = {
        "mean": pd.DataFrame({"step": step, "running": run.running_mean, "batch": [math.nan, *run.batch_mean], "truth": run.true_mean}),
        "variance": pd.DataFrame({"step": step, "running": run.running_var, "batch": [math.nan, *run.batch_var], "truth": run.true_var}),
    }
    alt = "Running {}, the batches' own, and the true one by training step"
    use = pd.DataFrame({"step": step, "mean": run.use_mean, "low": run.use_mean - run.use_std, "high": run.use_mean + run.use_std})
    left, right = st.columns(2)
    layout.show(left, charts.running(tables["mean"], "mean", k, (-8, 14)), alt.format("mean"))
    words = "Mean and spread of the normalised values in use, by the step after which training stops"
    layout.show(right, charts.in_use(use, k), words)
    conclude(reading.read_running(run, k))
    left, right = st.columns(2)
    layout.show(left, charts.running(tables["variance"], "variance", k, (0, 12)), alt.format("variance"))
    words = "How much one image's normalised value varies with its neighbours, by batch size"
    layout.show(right, charts.neighbours(neighbour_table(v["seed"]), v["run_size"]), words)
    with st.container(width=layout.TEXT_WIDTH):
        p, rest = layout.tex(v["momentum"]), layout.tex(round(1 - v["momentum"], 6))
        formula(rf"\hat\mu \leftarrow {p}\,\hat\mu + {rest}\,\mu_B \qquad 1 - {p}^{{{k}}} = {layout.tex(run.way_gone(k))}")
        formula(
            r"\text{in use: } \hat x = \frac{x - \hat\mu}{\sqrt{\hat\sigma^2 + \varepsilon}}"
            rf" = \frac{{x - {term(run.running_mean[k])}}}{{\sqrt{{{layout.tex(run.running_var[k])} + 10^{{-5}}}}}}"
            r" \qquad \mathrm{E}[\sigma_B^2] = \tfrac{m-1}{m}\sigma^2"
        )
    numbers = tables["mean"].merge(tables["variance"], on="step", suffixes=(" mean", " variance"))
    numbers["x̂ in use, mean"], numbers["x̂ in use, spread"] = run.use_mean, run.use_std
    table(numbers, "All numbers", "running_statistics.csv")


# Through depth -------------------------------------------------------------------------------------------------------


@st.cache_resource(max_entries=30, show_spinner=False)
def deep(depth: int, width: int, activation: str, scale: float, seed: int, samples: int) -> dict[str, propagation.Propagation]:
    """One network for each placement, with the same draws; weights have the standard deviation scale / √fan_in."""
    settings = {"depth": depth, "width": width, "activation": activation, "initializer": "lecun_normal", "gain": scale, "samples": samples}
    return {
        name: propagation.propagate(**settings, batch_norm=None if name == "none" else name, rng=np.random.default_rng(seed))
        for name in charts.PLACEMENTS
    }


@st.cache_data(max_entries=30, show_spinner=False)
def sweep(depth: int, width: int, activation: str, seed: int) -> pd.DataFrame:
    rows = []
    for scale in SWEEP:
        for name, run in deep.__wrapped__(depth, width, activation, scale, seed, 128).items():
            last = float(run.gradient_rms[-1])
            rows.append((scale, charts.PLACEMENTS[name], run.gradient_rms[0] / last if last else math.nan))
    return pd.DataFrame(rows, columns=["scale", "series", "ratio"])


def strip_frame(run: propagation.Propagation) -> tuple[pd.DataFrame, float]:
    """One rectangle a bin that holds anything, and the largest share of a layer that lies outside of the bins."""
    histogram = run.activations
    layer, bin_ = np.nonzero(histogram.inside)
    frame = pd.DataFrame(
        {
            "layer": layer + 1,
            "left": layer + 0.55,
            "right": layer + 1.45,
            "low": histogram.edges[bin_],
            "high": histogram.edges[bin_ + 1],
            "share": histogram.inside[layer, bin_],
        }
    )
    return frame.astype({"low": np.float32, "high": np.float32, "share": np.float32}), float((histogram.below + histogram.above).max())


def depth(v: dict) -> None:
    settings = (v["depth"], v["width"], v["activation"])
    found = deep(*settings, v["scale"], v["seed"], 1000)
    for column, (name, run) in zip(st.columns(3), found.items(), strict=True):
        frame, outside = strip_frame(run)
        words = f"std {said(run.std[0], 2)} → {said(run.std[-1], 2)}" + (f"; up to {100 * outside:.0f} % outside" if outside > 0.005 else "")
        title = "Without batch norm" if name == "none" else f"Batch norm {charts.PLACEMENTS[name]}"
        span = (float(run.activations.edges[0]), float(run.activations.edges[-1]))
        layout.show(
            column, charts.strip(frame, v["depth"], title, words, span), f"Histograms of the activations layer by layer, {charts.PLACEMENTS[name]}"
        )
    conclude(reading.read_depth(found))
    layers = np.arange(1, v["depth"] + 1)
    by_layer = pd.concat(
        [pd.DataFrame({"layer": layers, "series": charts.PLACEMENTS[n], "rms": r.gradient_rms, "std": r.std}) for n, r in found.items()],
        ignore_index=True,
    )
    left, right = st.columns(2)
    chart = charts.placements(
        by_layer, charts.by_layer(v["depth"]), charts.magnitude("rms", "RMS of ∂L/∂z"), "gradient", "Gradient by layer, from right to left"
    )
    layout.show(left, chart, "Gradient by layer, without batch norm, before and after the activation")
    chart = charts.placements(
        sweep(*settings, v["seed"]),
        charts.by_scale(),
        charts.magnitude("ratio", "First layer : last layer"),
        "gradient",
        "Gradient that arrives, by scale",
    )
    layout.show(right, chart, "Gradient of the first layer over that of the last one, against the scale of the weights")
    with st.container(width=layout.TEXT_WIDTH):
        formula(
            rf"\sigma = \frac{{{layout.tex(v['scale'])}}}{{\sqrt{{{v['width']}}}}} = {layout.tex(v['scale'] / math.sqrt(v['width']))} \qquad"
            r"\text{before: } y = \varphi(\mathrm{BN}(xW)) \qquad \text{after: } y = \mathrm{BN}(\varphi(xW))"
        )
    table(by_layer, "All numbers", "batch_norm_through_depth.csv")


# The sixteen scales --------------------------------------------------------------------------------------------------


def scales_frames(history: list[np.ndarray]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Rows for the three pictures: final accuracy, small multiples, heat maps."""
    final = [(sixteen_scales.SCALES[k], "published", value) for k, pair in sixteen_scales.PUBLISHED.items() for value in pair]
    names, panels, cells = ("without", "with"), [], []
    if history:
        final += [(scale, name, row[k]) for name, row in zip(names, history[-1], strict=True) for k, scale in enumerate(sixteen_scales.SCALES)]
    for k, scale in enumerate(sixteen_scales.SCALES):
        left, bottom = k % 4, 3 - k // 4
        for dx, dy in ((0, 0), (0.9, 0), (0.9, 0.75), (0, 0.75), (0, 0)):
            panels.append((k, left + dx, bottom + dy, "frame", math.nan, 0, ""))
        panels.append((k, left, bottom + 0.75, "word", math.nan, 0, f"σ = {scale:.2g}"))
        for epoch, accuracy in enumerate(history, start=1):
            for name, row in zip(names, accuracy, strict=True):
                x = left + 0.9 * (epoch - 1) / (sixteen_scales.EPOCHS - 1)
                panels.append((k, x, bottom + 0.75 * row[k], name, row[k], epoch, ""))
                cells.append((epoch, scale, name, row[k]))
    return (
        pd.DataFrame(final, columns=["scale", "series", "accuracy"]),
        pd.DataFrame(panels, columns=["panel", "x", "y", "series", "accuracy", "epoch", "text"]).astype(
            {"x": np.float32, "y": np.float32, "accuracy": np.float32}
        ),
        pd.DataFrame(cells, columns=["epoch", "scale", "series", "accuracy"]).astype({"accuracy": np.float32}),
    )


def forget() -> None:
    state.pop("bn_run", None)


def live(run: ScalesRun) -> None:
    """The part that ticks while the networks train."""
    final, panels, cells = scales_frames(run.history)
    left, right = st.columns(2)
    layout.show(left, charts.final_accuracy(), "Training accuracy by weight scale, with and without batch norm, and as published", final)
    layout.show(right, charts.small_multiples(), "Sixteen small learning curves, one for each weight scale", panels)
    layout.progress_line(run, run.latest.step if run.latest else 0, run.latest.steps if run.latest else 1, progress_text(run))
    conclude_scales(run)
    for column, series in zip(st.columns(2), ("without", "with") if run.history else (), strict=False):
        rows = cells[cells["series"] == series].drop(columns="series")
        layout.show(column, charts.heat(series), f"Training accuracy by epoch and weight scale, {series} batch norm", rows)


def progress_text(run: ScalesRun) -> str:
    if not run.latest:
        return "32 networks, 20 epochs of 1,000 images: 2 × 16 scales"
    left = (run.latest.steps - run.latest.step) * run.seconds / run.latest.step
    return f"Epoch {run.latest.epoch} of {sixteen_scales.EPOCHS} · " + (f"{left:.0f} s of work left" if left >= 1 else f"{run.seconds:.1f} s of work")


def conclude_scales(run: ScalesRun) -> None:
    layout.verdict(reading.read_scales(run.history[-1] if run.history else None, len(run.history)).text)


def scales(v: dict) -> None:
    data = layout.dataset(v["data"])
    run = state.get("bn_run")
    if run is None or run.data is not data or run.seed != v["seed"]:
        run = state["bn_run"] = ScalesRun(data, v["seed"])
    with st.container(horizontal=True, key="bn_buttons"):
        going, done = run.status == "running", run.status == "finished"
        st.button("Pause" if going else "Start", on_click=run.press, args=(going,), type="primary", disabled=done, key="bn_start")
        st.button("Reset", on_click=forget, help="The same first weights again.", key="bn_reset")
    layout.live(run, live)
    if data.name != "MNIST":
        st.caption("Published values are of MNIST; the digits are smaller and easier.")
    with st.container(width=layout.TEXT_WIDTH):
        formula(
            rf"{data.x_train.shape[1]} \to 100 \times 5 \to 10,\ \text{{ReLU}} \qquad W \sim \mathcal{{N}}(0, \sigma^2) \qquad"
            r"\sigma = 10^0 \dots 10^{-4} \qquad \eta = 0.01,\ m = 100"
        )
    _, _, cells = scales_frames(run.history)
    if run.history:
        table(cells, "All numbers", "sixteen_scales.csv")


# Parameters ----------------------------------------------------------------------------------------------------------


def read_list(v: dict) -> layer_list.LayerList:
    """The list that is typed, or the default one and a sentence why."""
    try:
        return layer_list.parse_layers(v["layers"])
    except ValueError as error:
        st.warning(f"This list cannot be read: {error}. The default list is shown.")
        return layer_list.parse_layers(BATCH_NORM["layers"].default)


def cost(v: dict) -> None:
    layers = read_list(v)
    rows = layers.summary()
    total, trainable, kept = layer_list.totals(rows)
    order = [f"{row.name}" for row in rows]
    frame = pd.DataFrame(
        [
            (name, series, count)
            for name, row in zip(order, rows, strict=True)
            for series, count in (("trained", row.trainable), ("kept", row.non_trainable))
        ],
        columns=["layer", "series", "count"],
    )
    layout.show(st, charts.cost(frame), "Trained and kept parameters of each layer")
    conclude(reading.read_cost(layers))
    numbers = pd.DataFrame(
        [(row.name, f"(None, {row.output_shape[1]})", row.trainable + row.non_trainable, row.trainable, row.non_trainable) for row in rows]
        + [("total", "", total, trainable, kept)],
        columns=["Layer", "Output shape", "Parameters", "Trainable", "Non-trainable"],
    )
    st.dataframe(
        numbers,
        hide_index=True,
        column_config={name: st.column_config.NumberColumn(format="localized") for name in numbers.columns[2:]},
        height="content",
    )
    layout.download(numbers, "parameters.csv")
    with st.container(width=layout.TEXT_WIDTH):
        formula(
            r"\text{dense: } n_\text{in} \cdot n_\text{out} + n_\text{out} \qquad "
            r"\text{batch norm: } \underbrace{2n}_{\gamma,\,\beta} + \underbrace{2n}_{\hat\mu,\,\hat\sigma^2}"
        )
        formula(rf"{total:,} = {trainable:,} + {kept:,}".replace(",", r"{,}"))


# Inputs --------------------------------------------------------------------------------------------------------------


def inputs(v: dict) -> None:
    x = input_scaling.features(v["range"])
    valleys = {way: input_scaling.valley(x, way) for way in input_scaling.WAYS}
    log_steps = np.unique(np.round(np.logspace(0, 8, 120)))
    curves = []
    pictures = st.container(horizontal=True)
    for way, valley in valleys.items():
        path = valley.path(30, v["share"])
        largest = float(valley.optimum.max())
        contours = pd.concat(
            [pd.DataFrame(valley.contour(level), columns=["w1", "w2"]).assign(level=level, order=range(61)) for level in (0.01, 0.1, 0.3, 0.6, 1.0)]
        )
        walked = pd.DataFrame(np.clip(path, -1e9, 1e9), columns=["w1", "w2"]).assign(step=range(31), goal1=valley.optimum[0], goal2=valley.optimum[1])
        words = f"condition number {said(valley.condition)}"
        span = (-0.8 * largest, 2.6 * largest)
        alt = f"Contours of the loss and thirty steps of gradient descent, {charts.WAYS[way]}"
        pictures.altair_chart(charts.valley(contours.astype(np.float32), walked, way, words, span), width="content", alt=alt)
        with np.errstate(all="ignore"):
            curves.append(
                pd.DataFrame({"step": log_steps, "loss": np.clip(valley.loss(log_steps, v["share"]), 1e-9, 1e9), "series": charts.WAYS[way]})
            )
    rows = input_scaling.scale_test_data(v["drift"], seed=v["seed"])
    conclude(reading.read_input(valleys, v["share"], rows))
    layout.show(st, charts.descent(pd.concat(curves)), "Loss by step of gradient descent for three ways to scale the features")
    names = {"train": "training data's μ, σ (right)", "own": "their own μ, σ", "leak": "μ, σ of all data together (leak)"}
    tested = pd.DataFrame(
        [(names[r.way], r.test_mean, r.test_std, r.error) for r in rows],
        columns=["Test data scaled by", "Their mean of x̂₁", "Their spread of x̂₁", "Test error / noise"],
    )
    constant = int((np.ptp(load_digits().x_train, axis=0) == 0).sum())
    with st.container(width=layout.TEXT_WIDTH):
        st.markdown("**The same μ and σ on test data**")
        numeric = {name: st.column_config.NumberColumn(format="%.3f") for name in tested.columns[1:]}
        st.dataframe(tested, hide_index=True, column_config=numeric)
        st.caption(
            "Scaled by their own numbers, test data hide that they have moved. Numbers of all data together change nothing for least squares, "
            f"but they look at data that nobody has yet. {constant} of the 64 pixels of the digits never change: σ = 0, and they stay 0."
        )
        spreads = valleys["raw"].stds
        formula(
            rf"\sigma_1 = {layout.tex(spreads[0])},\ \sigma_2 = {layout.tex(spreads[1])} \qquad \frac{{x - \mu}}{{\sigma^2}}: "
            rf"\text{{spreads }} {layout.tex(1 / spreads[0])},\ {layout.tex(1 / spreads[1])} \qquad \frac{{x - \mu}}{{\sigma}}: 1,\ 1"
        )
        formula(
            rf"\kappa = \frac{{\lambda_{{\max}}}}{{\lambda_{{\min}}}} \qquad \eta = {layout.tex(v['share'])} \cdot \frac{{2}}{{\lambda_{{\max}}}}"
        )
    numbers = pd.DataFrame(
        [(charts.WAYS[w], *y.stds, y.condition, y.rate(v["share"]), y.steps_needed(v["share"])) for w, y in valleys.items()],
        columns=["Features", "Spread 1", "Spread 2", "Condition number", "Learning rate", "Steps to J = 10⁻⁶"],
    )
    table(numbers, "All numbers", "input_scaling.csv")


PARTS = {"batch": batch, "gradient": gradient, "running": running, "depth": depth, "scales": scales, "cost": cost, "input": inputs}
SOURCES = {
    "batch": (normalization.normalize_batch, normalization.draw_batch),
    "gradient": (normalization.gradient_terms, normalization.scale_invariance),
    "running": (normalization.running_statistics, normalization.neighbours),
    "depth": (propagation.propagate,),
    "scales": (sixteen_scales.train_scales, sixteen_scales.side_by_side, sixteen_scales.SideBySide),
    "cost": (layer_list.LayerList, layer_list.parse_layers),
    "input": (input_scaling.Valley, input_scaling.valley, input_scaling.scale_test_data),
}

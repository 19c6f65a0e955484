"""The parts of the Activations page that answer at once: curves, backprop by hand, the product of slopes, SELU's fixed point."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import streamlit as st

from engine.activations import ACTIVATIONS, Activation, as_activation
from engine.diagnosis import number as short
from engine.initializers import INITIALIZERS
from engine.studies import by_hand, curves, moment_map, slopes
from pages.shared import charts_activations as charts
from pages.shared import frames_activations as frames
from pages.shared import layout
from pages.shared import scripts_activations as scripts
from pages.shared.controls import ACT, ACT_HAND, options_of, title
from pages.shared.presets import link_to
from pages.shared.runs import place
from pages.shared.runs_activations import Members

NAMES = tuple(title(key) for key in ACTIVATIONS)
BUDGET = 2000  # layers that one answer may draw: about a second


@dataclass
class Reading:
    """What follows the pictures of a part, in the order in which every page reads."""

    formulas: Sequence[str]
    tries: Sequence[str]
    script: str
    sources: Sequence[Callable]
    numbers: pd.DataFrame
    verdict: str = ""
    fix: Mapping[str, object] = field(default_factory=dict)


def members_of(names: Sequence[str], value: Mapping) -> Members:
    """(key, its options) of each; options that do not go together fall back to the table's, with a sentence."""
    chosen = []
    for key in names:
        options = options_of(key, value)
        try:
            as_activation(key, **options)
        except ValueError as error:
            st.warning(f"{title(key)}: {error}. The usual values are used.")
            options = {}
        chosen.append((key, tuple(options.items())))
    return tuple(chosen)


def some_of(names: Sequence[str], otherwise: Sequence[str]) -> Sequence[str]:
    if not names:
        st.caption("No activation is chosen: the usual ones are shown.")
    return names or otherwise


def built(members: Members) -> dict[str, Activation]:
    return {title(key): as_activation(key, **dict(options)) for key, options in members}


def signed(x: float) -> str:
    return f"{x + 0.0:g}".replace("-", "−")


def listed(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)


@st.cache_data(max_entries=400, show_spinner=False)
@place()
def reach(key: str, options: tuple, initializer: str | None, gain: float, depth: int, width: int, seeds: int) -> slopes.GradientReach:
    return slopes.gradient_reach(as_activation(key, **dict(options)), initializer, gain=gain, depth=depth, width=width, seeds=seeds)


def curves_part(v: Mapping) -> Reading:
    members = members_of(some_of(v["set"], ACT["set"].default), v)
    table, z = built(members), v["z"]
    frame, zones, read = frames.curve(table), frames.zones(table), frames.cursor(table, z)
    for column, measure in zip(st.columns(2), ("phi", "slope"), strict=True):
        name = {"phi": "φ", "slope": "φ′"}[measure]
        layout.show(column, charts.curves(frame, zones, measure, z, NAMES), f"{name} of {listed(list(table))} for z from −6 to 6, cursor at {z:g}")
    left, right = st.columns(2)
    if len(zones):
        layout.show(left, charts.zone_strips(zones, list(table)), "For each activation, where its slope is saturated or dead")
    else:
        left.markdown("None of these activations loses its slope anywhere.")
    right.markdown(f"**At the cursor, z = {signed(z)}**")
    right.dataframe(
        pd.DataFrame({"Activation": read["activation"], "φ(z)": read["phi"].map(short), "φ′(z)": read["slope"].map(short)}), hide_index=True
    )
    st.dataframe(
        frames.facts(table, {key: title(key) for key in INITIALIZERS}),
        hide_index=True,
        column_config={"Activation": st.column_config.Column(pinned=True)},
    )
    flat = read.loc[read["slope"].abs() < 0.01]
    steep = read.loc[read["slope"].abs().idxmax()]
    names = list(flat["activation"])
    said = f"At z = {signed(z)} the steepest of these is **{steep['activation']}**, φ′ = {short(steep['slope'])}. "
    said += (
        f"{listed(names)} {'lets' if len(names) == 1 else 'let'} through less than a hundredth of the gradient: a unit that sits there hardly learns."
        if names
        else "None of them stops the gradient here."
    )
    rows = {key: as_activation(key, **dict(options)) for key, options in members}
    return Reading(
        [rf"\text{{{title(key)}: }} \varphi({z:g}) = {a.formula} = {layout.tex(float(a.f(np.float64(z))))}" for key, a in list(rows.items())[:6]],
        (
            "Move the cursor to 51: what is left of the sigmoid's slope?",
            "Set leaky ReLU's α to 0. What is it now?",
            "ELU with α = 2: a kink appears at 0, and the floor moves to −2.",
            f"What the slopes multiply to: [the sigmoid at 1/√n]({link_to('act_sigmoid')}).",
        ),
        scripts.curves(members, z),
        (curves.facts, curves.values_at),
        read,
        said,
    )


def hand_part(v: Mapping) -> Reading:
    given = {name: v[name] for name in ACT_HAND}
    forward, backward = by_hand.solve(**given)
    value = {step.key: step.value for step in (*forward, *backward)}
    layout.show(
        st,
        charts.network_by_hand(*frames.by_hand_picture(forward, backward, given)),
        f"The 2-2-1 network with its weights and gradients; its output is {value['y']:.4f}",
    )
    for column, head, steps in zip(st.columns(2), ("Forward", "Backward"), (forward, backward), strict=True):
        column.markdown(f"**{head}**")
        lines = [rf"{s.symbol} &= {s.rule} \\ &= {s.numbers} = {by_hand.number(s.value, brackets=False)}" for s in steps]
        column.latex(r"\begin{aligned}" + r" \\[4pt] ".join(lines) + r"\end{aligned}")
    first, _, last = by_hand.slopes(**given)
    passed = first * last
    numbers = pd.DataFrame({"step": [s.key for s in (*forward, *backward)], "value": [s.value for s in (*forward, *backward)]})
    return Reading(
        [
            r"\frac{\partial J}{\partial w_1} = (y - t)\ \underbrace{\sigma'(z_3)}_{"
            + layout.tex(last)
            + r"}\ w_5\ \underbrace{\sigma'(z_1)}_{"
            + layout.tex(first)
            + rf"}}\ x_1 = {layout.tex(value['dw1'])}"
        ],
        (
            "w₁ = 20: the first unit saturates, and its weights stop learning.",
            "x = (0, 0): which gradients are 0, and why not those of w₅ and w₆?",
            "t = y: the error is 0, and with it everything that comes back.",
        ),
        scripts.hand(given),
        (by_hand.solve,),
        numbers,
        f"The output is **{value['y']:.4f}**. The gradient of w₁ has passed two slopes, {short(last)} × {short(first)} = **{short(passed)}**; "
        f"a sigmoid's is never above ¼, so two leave at most 1/16. Each further layer takes another factor of at most ¼.",
    )


def product_part(v: Mapping) -> Reading:
    members = members_of(some_of(v["set"], ACT["set"].default), v)
    depth, width, seeds, rule, gain = (v[name] for name in ("depth", "width", "seeds", "initializer", "gain"))
    seeds = max(1, min(seeds, int(BUDGET / (2 * depth * len(members) * (1 + (width / 150) ** 2)))))
    if seeds < v["seeds"]:
        st.caption(f"So many layers are measured on {seeds} seed{'s' * (seeds > 1)}, to answer at once.")
    own = {title(key): reach(key, options, ACTIVATIONS[key].recommended, 1.0, depth, width, seeds) for key, options in members}
    chosen = {title(key): reach(key, options, rule, gain, depth, width, seeds) for key, options in members}
    whose = f"{title(rule)}" + (f", gain {gain:g}" if gain != 1 else "")
    for column, reaches, head, name in zip(
        st.columns(2), (own, chosen), ("Each with the initializer made for it", f"All with {whose}"), ("its own initializer", whose), strict=True
    ):
        chart = charts.reach(tuple(reaches), depth, head, "points: measured; band: seeds; line: theory", NAMES)
        said = f"Gradient in layer 1 to {depth} over that in the last, with {name}: {listed(list(reaches))}"
        layout.show(column, chart, said, frames.reach(reaches))
    worst_key, options = max(members, key=lambda m: abs(_decades(chosen[title(m[0])].first)))
    worst = chosen[title(worst_key)]
    said = [f"**{name}** {short(r.first)}" + (f" (× {r.factor:.3g} a layer)" if not math.isnan(r.factor) else "") for name, r in chosen.items()]
    text = f"With {whose}, this much of the gradient reaches layer 1 of {depth}: {', '.join(said)}. "
    if worst_key == "sigmoid":
        text += f"A sigmoid's slopes alone allow no more than 4⁻ᴸ = {short(0.25**depth)}."
    fix = {}
    if abs(_decades(worst.first)) > 3 and not math.isnan(worst.sigma_w):
        wanted = slopes.critical_gain(worst, as_activation(worst_key, **dict(options)), gain)
        if math.isfinite(wanted) and wanted > 0:
            nearest = min(ACT["gain"].options, key=lambda g: abs(math.log(g / wanted)))
            fix = {} if nearest == gain else {"act_set": [worst_key], "act_gain": nearest}
    numbers = pd.concat([frames.reach_numbers(r).assign(initializer=name) for name, r in (("its own", own), (rule, chosen))], ignore_index=True)
    formulas = [
        r"\frac{\text{gradient in layer } l}{\text{gradient in layer } L} \approx \sqrt{\chi_1}^{\,L-l}",
        r"\chi_1 = \sigma_w^2\, E[\varphi'(z)^2]",
    ]
    if not math.isnan(worst.factor):
        factor, product = layout.tex(worst.factor), layout.tex(worst.factor ** (depth - 1))
        formulas.append(rf"\text{{{title(worst_key)}: }} \sqrt{{\chi_1}} = {factor}, \quad {factor}^{{{depth - 1}}} = {product}")
    return Reading(
        formulas,
        (
            f"[The sigmoid at 1/√n]({link_to('act_sigmoid')}) and [at 4/√n]({link_to('act_sigmoid_4')}), thirty layers deep.",
            "The same on real handwriting, five layers: "
            + ", ".join(
                f"[{name}]({link_to(key)})"
                for name, key in (("1/√n", "sigmoid_stuck"), ("4/√n", "sigmoid_scaled"), ("σ = 1", "sigmoid_wide"), ("batch norm", "sigmoid_bn"))
            )
            + ". The first never learns.",
            "He normal for all: whose gradient explodes now?",
            "Width 10: how far may one network be from the theory?",
        ),
        scripts.product(members, rule, gain, depth, width, seeds),
        (slopes.gradient_reach, slopes.critical_gain),
        numbers,
        text,
        fix,
    )


def _decades(x: float) -> float:
    return math.log10(x) if 0 < x < math.inf else math.inf


@st.cache_data(max_entries=50, show_spinner=False)
def moment_paths(key: str, options: tuple, start: tuple, depth: int, initializer: str, gain: float, rate: float, dropout: str) -> tuple:
    """Theory from many starts and from `start`, one network from `start`, and where theory settles."""
    phi, layer = as_activation(key, **dict(options)), {"rate": rate, "dropout": dropout}
    sigma_w = moment_map.sigma_w_of(initializer, gain)
    starts = [(mean, variance) for mean in (-1.0, 0.0, 1.0, 2.0) for variance in (0.02, 0.3, 5.0, 40.0)]
    fan = [moment_map.trajectory(*at, min(depth, 20), phi, sigma_w=sigma_w, **layer) for at in starts]
    theory = moment_map.trajectory(*start, depth, phi, sigma_w=sigma_w, **layer)
    network = moment_map.simulate(*start, depth, phi, initializer=initializer, gain=gain, **layer, rng=np.random.default_rng(0))
    return fan, theory, network, moment_map.settles_at(phi, sigma_w=sigma_w, **layer)


def selu_part(v: Mapping) -> Reading:
    (key, options), *_ = members_of([v["fixed"]], v)
    depth, rule, gain, rate, dropout = (v[name] for name in ("layers", "fixed_initializer", "fixed_gain", "dropout_rate", "dropout"))
    fan, theory, network, settles = moment_paths(key, options, (v["mean"], v["variance"]), depth, rule, gain, rate, dropout)
    every = max(1, depth // 150)
    measured, expected = frames.paths([network[::every]]), frames.paths([theory[::every]])
    measured["layer"], expected["layer"] = measured["layer"] * every, expected["layer"] * every
    there = settles if 1e-12 < settles[1] < moment_map.HUGE else None
    left, right = st.columns(2)
    layout.show(
        left, charts.moment_map(frames.paths(fan), measured, there), f"Mean and variance from layer to layer under {title(key)}, from sixteen starts"
    )
    layout.show(right, charts.moment(expected, measured, depth), f"Variance over {depth} layers: theory and one network of 100 units")
    finite = network[np.isfinite(network).all(axis=1)]
    end = network[-1]
    text = f"After {depth} layers of {title(key)} the network has mean **{signed(round(end[0], 2))}** and variance **{short(end[1])}**; "
    if not np.isfinite(end).all():
        text = f"After {len(finite) - 1} layers of {title(key)} the numbers overflow; "
    text += (
        f"theory settles at mean {signed(round(settles[0], 2))} and variance {short(settles[1])}."
        if there
        else ("in theory the variance grows for ever." if settles[1] > 1 else "in theory the signal dies.")
    )
    home = there and abs(settles[0]) < 0.01 and abs(settles[1] - 1) < 0.01
    fix = {}
    if not home:
        wanted = {"act_fixed": "selu", "act_fixed_initializer": "lecun_normal", "act_fixed_gain": 1.0} | ({"act_dropout": "alpha"} if rate else {})
        fix = {name: value for name, value in wanted.items() if v[name.removeprefix("act_")] != value}
    sigma_w = moment_map.sigma_w_of(rule, gain)
    nu, mu = moment_map.next_moments(0.0, 1.0, as_activation(key, **dict(options)), sigma_w=sigma_w, rate=rate, dropout=dropout)[::-1]
    numbers = pd.DataFrame(np.hstack([theory, network]), columns=["mean", "variance", "measured_mean", "measured_variance"])
    numbers.insert(0, "layer", range(len(numbers)))
    return Reading(
        [
            r"q = \sigma_w^2 (\nu + \mu^2), \quad u \sim \mathcal{N}(0, 1)",
            r"\mu' = E[\varphi(\sqrt{q}\,u)], \quad \nu' = E[\varphi(\sqrt{q}\,u)^2] - \mu'^2",
            rf"(0,\ 1) \;\mapsto\; ({_near(mu)},\ {_near(nu)}) \quad \text{{with }} \sigma_w = {layout.tex(sigma_w)}",
        ],
        (
            f"[100 layers of SELU]({link_to('act_selu')}), then 1,000.",
            f"[Dropout]({link_to('act_selu_dropout')}) moves the fixed point; alpha dropout leaves it where it was.",
            f"[He's weights]({link_to('act_selu_he')}): right for ReLU, too large for SELU.",
            "ReLU with He's weights: the second moment stays, but mean and variance?",
        ),
        scripts.selu(key, options, v["mean"], v["variance"], depth, rule, gain, rate=rate, dropout=dropout),
        (moment_map.next_moments, moment_map.simulate),
        numbers,
        text,
        fix,
    )


def _near(x: float) -> str:
    return layout.tex(round(x, 6) + 0.0) if math.isfinite(x) else r"\infty"

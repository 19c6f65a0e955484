"""Gradient checking: is backpropagation right, and if not, in which line?"""

from dataclasses import replace

import numpy as np
import streamlit as st

import engine  # noqa: F401  (first: see pages/shared/router.py)
from engine.datasets import Dataset, load_digits, normalizer
from engine.gradient_check import check_gradients
from engine.gradient_check.explanation import GradientVerdict, explain
from engine.gradient_check.finite_differences import best_epsilon
from engine.gradient_check.report import GradientReport, judge
from engine.losses import Penalty
from engine.network import mlp
from pages.shared import controls, layout
from pages.shared import gradient_parts as parts
from pages.shared.controls import BEST, GRAD
from pages.shared.router import ensure_routed
from pages.shared.runs import place

ensure_routed()
state = st.session_state
WORK = 3e9  # multiplications that one answer may cost: about a second
NET = ("layers", "activation", "batch_norm", "dropout", "samples", "scheme", "epsilon")
MORE = ("precision", "l2", "data", "initializer", "gain", "sigma_b", "seed")


@st.cache_resource(max_entries=8, show_spinner=False)
@place()
def check(
    data: str, _images: Dataset, samples: int, sizes: tuple, l2: float, epsilon: float, scheme: str, precision: str, seed: int, **built
) -> GradientReport:
    x = normalizer("scale", _images, np.float64)(_images.x_train[:samples])
    network = mlp(sizes, rng=np.random.default_rng(seed), dtype=np.float64, **built)
    penalty = Penalty(l2=l2) if l2 else None
    return check_gradients(network, x, _images.y_train[:samples], penalty=penalty, epsilon=epsilon, scheme=scheme, dtype=np.dtype(precision))


def affordable(sizes: tuple[int, ...], samples: int) -> int:
    """As many images as a large network leaves room for: every weight's step has to be followed to the top."""
    above = [10 * n + sum(a * b for a, b in zip(sizes[i + 1 :], sizes[i + 2 :], strict=False)) for i, n in enumerate([*sizes[2:], 1])]
    once = sum(a * b * work for a, b, work in zip(sizes, sizes[1:], above, strict=False))
    fits = max(1, min(samples, int(WORK / once)))
    if fits < samples:
        st.caption(f"A network of this size is checked on {fits} image{'s' * (fits > 1)}, to answer at once.")
    return fits


def settings_of(v: dict, data: Dataset) -> dict:
    sizes = (data.x_train.shape[1], *map(int, v["layers"].split("-")), data.classes)
    kept = {name: v[name] for name in ("activation", "dropout", "l2", "scheme", "precision", "initializer", "gain", "sigma_b", "seed")}
    return {
        **kept,
        "sizes": sizes,
        "samples": affordable(sizes, v["samples"]),
        "batch_norm": None if v["batch_norm"] == "none" else v["batch_norm"],
        "epsilon": v["epsilon"] if v["epsilon"] != BEST else best_epsilon(v["scheme"], np.dtype(v["precision"])),
    }


def fix_of(verdict: GradientVerdict) -> dict:
    """The engine's cure in terms of this page's controls; the best epsilon is a setting of its own."""
    fix = {"grad_epsilon": BEST} if "epsilon" in verdict.fix or "dtype" in verdict.fix else {}
    if "dtype" in verdict.fix:
        fix["grad_precision"] = verdict.fix["dtype"]
    if "samples" in verdict.fix:
        fix["grad_samples"] = verdict.fix["samples"]
    return {key: value for key, value in fix.items() if state.get(key) != value}


def network(v: dict) -> str:
    data = layout.dataset("mnist") if v["data"] == "mnist" else load_digits()
    s = settings_of(v, data)
    report = check(data.name, data, **s)
    parts.show_strip(report)
    verdict = explain(report, s["samples"])
    layout.verdict(verdict.text)
    layout.fix_button(fix_of(verdict))
    for warning in report.warnings:
        st.caption(warning[0].upper() + warning[1:])
    left, right = st.columns([3, 2])
    with right:
        parts.show_error_map(report, parts.choose_parameter(report))
    with left:
        parts.show_table(report)
    with st.container(width=layout.TEXT_WIDTH):
        parts.metric(report)
        if v["data"] == "mnist" and s["epsilon"] == 1e-4 and s["samples"] == 3:
            st.markdown(parts.BOOK)
    return parts.network_script(s, data.name)


layout.question("Is backpropagation right?")
with st.sidebar:
    layout.preset_menu("gradient_checking")
part = GRAD["part"].draw()
drawn = ["part"]
with st.sidebar:
    if part in ("curve", "v"):
        drawn += ["function", "theta", *(("step",) if part == "curve" else ())]
    elif part == "net":
        drawn += [*NET]
    v = {name: GRAD[name].draw() for name in drawn[1:]}
    if part == "net":
        with st.expander("More"):
            v |= {name: GRAD[name].draw() for name in MORE}
        drawn += MORE
    elif part in ("bug", "cautions"):
        st.caption("A small network, 64-24-16-10, on 16 of the built-in digits.")
if part == "bug":
    drawn.append("bug")
    v["bug"] = GRAD["bug"].draw()
elif part == "cautions":
    drawn.append("caution")
    v["caution"] = GRAD["caution"].draw()
    if v["caution"] != "cost":
        drawn.append("mistake")
        control = replace(GRAD["mistake"], label=parts.mistake_of(v["caution"]))
        v["mistake"] = control.draw()
controls.keep(GRAD, (*drawn, "parameter"))
layout.link_notes({name: GRAD[name] for name in drawn})

script = {"curve": parts.curve, "v": parts.v, "net": network, "bug": parts.bug, "cautions": parts.cautions}[part](v)
layout.try_next(parts.NEXT[part])
layout.run_it_yourself(script, *parts.SOURCES[part], *((judge,) if part == "net" else ()))

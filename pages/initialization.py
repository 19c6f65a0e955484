"""Initialization: what does depth do to a signal, and which first weights keep it alive?"""

from urllib.parse import parse_qsl, urlencode

import streamlit as st

import engine  # noqa: F401  (first: see pages/shared/router.py)
from engine import diagnosis, mean_field, propagation
from engine.datasets import load_digits, normalizer
from engine.initializers import INITIALIZERS
from pages.shared import charts_initialization as charts
from pages.shared import frames, layout, runs
from pages.shared import initialization_parts as parts
from pages.shared.controls import INIT
from pages.shared.router import ensure_routed

ensure_routed()
state = st.session_state
PLAIN = "defaults"  # a pin of nothing but defaults
BUDGET = 6e9  # multiplications that one answer may cost: about half a second


@st.cache_resource(max_entries=100, show_spinner="Sending a signal through the network …")
def measure(seeds: tuple[int, ...], inputs: str, samples: int, **settings) -> tuple[list[propagation.Propagation], diagnosis.Diagnosis]:
    """One network for each seed, and the diagnosis of the first."""
    data = load_digits()
    images = normalizer("standardize", data)(data.x_train[:samples]) if inputs == "digits" else None
    with runs.place():
        networks = propagation.over_seeds(seeds, inputs=images, samples=samples, **settings)
        return networks, diagnosis.diagnose(networks[0], with_fix=True)


def affordable(v: dict) -> dict:
    """The settings with as many samples and seeds as a large network leaves room for."""
    square = v["initializer"] in ("orthogonal", "lsuv")  # these decompose every matrix
    layer = v["width"] ** 2
    once = v["depth"] * layer * (v["samples"] + 10 * v["width"] * square)
    seeds = max(1, min(v["seeds"], int(BUDGET / once)))
    samples = v["samples"] if seeds > 1 else max(100, min(v["samples"], int(BUDGET / once * v["samples"])))
    return v | {"samples": samples, "seeds": seeds}


def networks(v: dict) -> tuple[list[propagation.Propagation], diagnosis.Diagnosis]:
    less = affordable(v)
    if less != v:
        st.caption(
            f"A network of this size is measured on {less['samples']:,} inputs and {less['seeds']} seed{'s' * (less['seeds'] > 1)}, to answer soon."
        )
    settings = {name: v[name] for name in ("depth", "width", "activation", "initializer", "gain", "sigma_b")}
    batch_norm = None if v["batch_norm"] == "none" else v["batch_norm"]
    return measure(tuple(range(v["seed"], v["seed"] + less["seeds"])), v["inputs"], less["samples"], batch_norm=batch_norm, **settings)


def draw_controls() -> dict:
    with st.sidebar:
        layout.preset_menu("initialization")
        v = {name: INIT[name].draw() for name in ("activation", "initializer")}
        rule = INITIALIZERS[v["initializer"]]
        st.caption(f"${rule.formula}$ — {rule.source}")
        v |= {name: INIT[name].draw() for name in ("gain", "depth", "width")}
        with st.expander("More"):
            v |= {name: INIT[name].draw() for name in ("sigma_b", "batch_norm", "inputs", "samples", "seeds", "seed")}
    layout.link_notes(INIT)
    return v


def pinned() -> dict | None:
    """The settings that the link's `init_pin` names; what it does not name, or names wrongly, takes its default."""
    text = st.query_params.get("init_pin", state.get("_init_pin"))
    if text is None:
        return None
    asked = dict(parse_qsl(text[:1000]))
    read = {name: control.parse(asked[name]) if name in asked else None for name, control in INIT.items()}
    if all(value is None for value in read.values()) and text != PLAIN:
        state.pop("_init_pin", None)
        st.warning("The link pins a network that cannot be read; none is pinned.")
        return None
    state["_init_pin"] = st.query_params["init_pin"] = text  # kept while other pages are visited
    return {name: INIT[name].default if value is None else value for name, value in read.items()}


def pin(v: dict) -> None:
    changed = {name: INIT[name].write(value) for name, value in v.items() if value != INIT[name].default}
    st.query_params["init_pin"] = urlencode(changed) or PLAIN


def unpin() -> None:
    state.pop("_init_pin", None)
    st.query_params.pop("init_pin", None)


def describe(v: dict) -> str:
    return ", ".join(
        [INIT["activation"].show(v["activation"]), INIT["initializer"].show(v["initializer"]), f"gain {v['gain']:g}", f"{v['depth']} × {v['width']}"]
        + ([f"batch norm {v['batch_norm']}"] if v["batch_norm"] != "none" else [])
        + ([f"σ_b = {v['sigma_b']:g}"] if v["sigma_b"] else [])
    )


def show_by_depth(nets: list[propagation.Propagation], v: dict, side_by_side: bool) -> None:
    theory = nets[0].theory()
    frame = frames.by_depth(nets, mean_field.predict(**theory) if theory else None, charts.LOW, charts.HIGH)
    columns = st.columns(2) if side_by_side else (st.container(), st.container())
    for column, measured, overflow in zip(columns, ("signal", "gradient"), (nets[0].first_overflow, nets[0].gradient_overflow), strict=True):
        table = frame[frame["measure"] == measured]
        chart = charts.by_depth(tuple(table["series"].unique()), measured, v["depth"], overflow)
        layout.show(column, chart, f"{measured.capitalize()} by layer, measured and in theory: {describe(v)}", table)


def show_network(v: dict, show: str, key: str = "verdict") -> tuple[propagation.Propagation, diagnosis.Diagnosis]:
    """Histograms by layer, the verdict, signal and gradient by depth."""
    nets, verdict = networks(v)
    edges = getattr(nets[0], show).edges
    bars, words = frames.histogram_panels(nets[0], show)
    panels = charts.histogram_panels(len(words), show, v["depth"], (float(edges[0]), float(edges[-1])))
    said = f"Histograms of {INIT['show'].show(show).lower()} in up to five of {v['depth']} layers: {describe(v)}"
    layout.show(st, panels, said, bars, words=words)
    layout.verdict(verdict.text, key)
    show_by_depth(nets, v, side_by_side=key == "verdict")
    return nets[0], verdict


def deep(v: dict) -> None:
    show = INIT["show"].draw()
    other = pinned()
    if other:
        left, right = st.columns(2)
        with left:
            st.markdown(f"**Now:** {describe(v)}")
            run, verdict = show_network(v, show, "verdict_now")
        with right:
            st.markdown(f"**Pinned:** {describe(other)}")
            show_network(other, show, "verdict_pinned")
    else:
        run, verdict = show_network(v, show)
    with st.container(horizontal=True):
        layout.fix_button({f"init_{name}": parts.on_ladder(name, value) for name, value in verdict.fix.items()})
        st.button("Pin this network", on_click=pin, args=(v,), help="Keeps it beside whatever you set next; the link keeps both.", key="init_pin_it")
        if other:
            st.button("Unpin", on_click=unpin, key="init_unpin")
    with st.container(width=layout.TEXT_WIDTH):
        parts.formula(v, run)
    with st.expander("All numbers, layer by layer (first seed)"):
        table = frames.layer_table(run)
        st.dataframe(table, hide_index=True)
        layout.download(table, "layers.csv")


layout.question("What does depth do to a signal?")
v = draw_controls()
part = INIT["part"].draw()
if part == "deep":
    deep(v)
elif part == "phase":
    parts.phase(v)
    show_by_depth(networks(v)[0], v, side_by_side=True)
else:
    {"neuron": parts.neuron, "chain": parts.chain, "matrix": parts.matrix, "symmetry": parts.symmetry}[part](v)
layout.try_next(parts.NEXT[part])
layout.run_it_yourself(parts.script(part, affordable(v) if part == "deep" else v), *parts.SOURCES[part])

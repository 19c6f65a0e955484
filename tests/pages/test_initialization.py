"""The Initialization page: what its parts say, its scripts, its limits, and the network that is pinned beside another."""

import re
from itertools import product
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pytest

from engine import diagnosis, propagation
from engine.activations import ACTIVATIONS
from engine.studies.linear import chain
from pages.parts.initialization import PAGE, common, deep, matrix, neuron, phase
from pages.parts.initialization import chain as chain_part
from pages.shared.control import Values
from tests.pages import golden
from tests.pages.helpers import asked, charts_of, fix_of, link_of, open_part, verdict_of

DEFAULTS = {control.name: control.default for control in PAGE.controls}


def opened(part="deep", **settings):
    return open_part(PAGE, PAGE.part(part), **settings)


@pytest.mark.parametrize(("depth", "others"), [(5, 1000), (30, 100)])   # 5 × 100 is the notes' figure
def test_the_networks_of_the_band_are_measured_on_a_hundred_inputs_where_all_would_cost_too_much(depth, others, monkeypatch):
    calls, plain = [], common.workers.measure_all
    monkeypatch.setattr(common.workers, "measure_all", lambda *asked: (calls.extend(asked), plain(*asked))[1])
    common.measure((4, 5, 6), samples=1000, depth=depth, width=100, activation="relu", initializer="he_normal")
    assert [(call.args, call.keywords["samples"]) for call in calls] == [((4,), 1000), ((5,), others), ((6,), others)]


def linked(query):
    return golden.open_link(f"initialization?{query}")


def printed(part, **changed):
    return golden.printed(golden.script_of(opened(part, **changed))).splitlines()


@pytest.mark.parametrize(("part", "settings", "words"), [
    ("neuron", {}, "a thousand inputs of mean square 1 give Var(z) ="),
    ("chain", {"depth": 5, "gain": 1.5}, "After 5 layers with a gain of 1.5, a signal of size one has become 5.06"),
    ("deep", {"depth": 5, "initializer": "he_normal"}, "This network is healthy. From layer 1 to layer 5"), ("matrix", {"depth": 5}, "At depth 5, "),
    ("phase", {"depth": 5, "activation": "tanh"}, "this is the critical line"),
    ("phase", {"depth": 5, "gain": 0.5}, "multiplies the gradient's size by √χ = 0.354: it shrinks more"),
    ("phase", {"depth": 5, "activation": "tanh", "gain": 1.5}, "multiplies the gradient's size by √χ = 1.07: it grows more"),
    ("widths", {"layers": 3}, "Each of the other rules keeps one direction, and in the other one the mean square ends where it began."),
    ("widths", {"shape": "narrowing", "layers": 3}, "The rule 1/fan-out keeps the gradient's"),
    ("widths", {"wide": 100, "narrow": 100}, "so the three rules are one"), ("gains", {"layers": 3}, "(theory: 1.41)"),
    ("gains", {"activation": "sigmoid"}, "The gradient keeps its size at none of these gains"),
    ("phase", {"depth": 5, "gain": 3.0}, "does not settle"),
    ("symmetry", {}, "started constant has 1 different unit. The one that started at zero has 1, and the one with random weights"),
])  # fmt: skip
def test_every_part_says_what_it_shows(part, settings, words):
    app = opened(part, **settings)
    assert words in verdict_of(app)
    assert charts_of(app)


def test_each_part_shows_only_the_controls_that_it_uses():
    assert {part.key: [control.name for control in part.all_controls] for part in PAGE.parts if part.key not in ("deep", "phase")} == {
        "neuron": ["seed"], "chain": ["gain", "depth", "width", "seed"], "matrix": ["depth", "gain", "seed"], "symmetry": ["activation", "seed"],
        "gains": ["activation", "layers", "seed"], "widths": ["shape", "wide", "narrow", "layers", "bend", "seed"],
    }  # fmt: skip
    deep_controls = set(PAGE.part("deep").all_controls)
    others = {"part", "layers", "shape", "wide", "narrow", "bend"}
    assert deep_controls == {control for control in PAGE.controls if control.name not in others}
    assert set(PAGE.part("phase").all_controls) == deep_controls - {deep.SHOW}


@pytest.mark.parametrize(("settings", "words"), [
    ({"initializer": "zeros"}, "as good as one"), ({"initializer": "constant"}, "100 neurons are as good as one"),
    ({"initializer": "normal", "gain": 10.0}, "overflows in layer 21"), ({"initializer": "normal", "depth": 10}, "explodes"),
    ({"initializer": "normal", "gain": 0.01, "depth": 100}, "In layer 34 it is smaller"),
    ({"width": 2, "depth": 100}, "vanishes|switched off"), ({"depth": 1}, "This network is healthy: one layer"),
    ({"activation": "sigmoid", "depth": 100, "show": "gradients"}, "vanishes"),
    ({"initializer": "zeros", "show": "gradients", "batch_norm": "before"}, "as good as one"),
], ids=str)  # fmt: skip
def test_broken_networks_draw_and_explain_themselves(settings, words):
    app = opened(**settings)
    assert not app.exception
    assert len(charts_of(app)) == 3
    assert all(chart.spec for chart in charts_of(app))
    assert re.search(words, verdict_of(app))


def test_where_numbers_overflow_a_rule_names_the_layer():
    app = opened(initializer="normal", gain=10.0, depth=100, width=20, seeds=1)
    layer = re.search(r"overflows in layer (\d+)", verdict_of(app))[1]
    words = {text for table in golden.tables(app) if "text" in table for text in table["text"]}
    assert f"overflow in layer {layer}" in words


@pytest.mark.parametrize("changed", [{}, {"inputs": "digits", "samples": 300, "activation": "tanh", "batch_norm": "before"},
                                     {"initializer": "lsuv", "depth": 3}])
def test_the_script_prints_the_numbers_of_the_deep_network(changed):
    app = opened(**changed)
    lines = golden.printed(golden.script_of(app)).splitlines()
    assert len(lines) == {**DEFAULTS, **changed}["depth"]
    table = app.dataframe[0].value
    for line, (_, row) in zip(lines, table.iterrows(), strict=True):
        assert line == (f"layer {int(row['layer'])}  std {row['std']:.4g}  over the data {row['std_over_data']:.4g}  "
                        f"gradient {row['gradient_rms']:.4g}")


def test_the_other_scripts_print_what_their_parts_show():
    assert f"L = 50  a^(L-1) = {chain(1.5, 50):.4g}" in printed("chain", gain=1.5, depth=50)
    lines, table = printed("neuron"), neuron.variances(0)
    assert f"n = 1000  Var(z) = {table[(table.n == 1000) & (table.series == 'Var(w) = 1')].measured.iloc[0]:.4g}" in lines
    assert lines[-1] == "z = 51, slope 7.095e-23"
    assert printed("phase", activation="tanh", gain=1.5)[1] == "critical sigma_w 1"
    lines = printed("matrix", depth=5)
    assert len(lines) == len(matrix.table_of(matrix.workers.measure_all(*matrix.surveys(5, 1.0, 0)))) == 132
    assert any(line.startswith("relu with he_normal: healthy") for line in lines)
    lines = printed("symmetry", activation="tanh")
    assert lines[0].startswith("zeros: 1 different units")
    assert lines[1].startswith("constant: 1 different units")
    assert lines[2].startswith("glorot_normal: 20 different units")


def test_a_pair_that_overflows_has_the_colour_of_what_grows():
    """After infinity the gradient is measured as 0 for ReLU, and as 1 for ELU: blue and pale."""
    few = {"activations": ("relu", "elu"), "initializers": ("he_normal", "zeros")}
    pairs = matrix.table_of([matrix.diagnosis.survey(60, width=20, samples=8, gain=10.0, **few)])
    drawn = matrix.cells(pairs).set_index(["activation", "initializer"])
    assert (pairs["gradient"] <= 1).all()
    assert drawn["gradient"].tolist() == [6, -6] * 2
    assert drawn["factor"].tolist() == ["∞", "0"] * 2


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_no_chart_gets_more_than_2000_marks_or_60_kilobytes(activation):
    runs = propagation.over_seeds(range(2), depth=100, width=20, samples=100, activation=activation, initializer="he_normal")
    by_depth = common.depth_frame(runs)
    assert by_depth["theory"].notna().any()
    tables = [by_depth[by_depth["measure"] == measure] for measure in ("signal", "gradient")]
    tables += [deep.panel_tables(runs[0], counted)[0] for counted in deep.SHOW.options]
    tables += list(phase.tables(activation))
    assert all(len(table) for table in tables[:-1])   # sigmoid's critical line lies beyond the diagram
    for table in tables:
        assert len(table) <= 2000
        size = sum(table[c].to_numpy().nbytes if table[c].dtype != object else table[c].astype(str).str.len().sum() for c in table)
        assert size <= 60_000


def test_all_of_a_layer_is_in_its_histogram_or_beside_it():
    run = propagation.propagate(depth=3, width=20, samples=100, activation="tanh", initializer="normal", gain=2.0, rng=np.random.default_rng(0))
    for counted in deep.SHOW.options:
        bars, words = deep.panel_tables(run, counted)
        assert bars.groupby("layer")["share"].sum().to_numpy() == pytest.approx(np.ones(3), abs=1e-5)
        assert list(words["head"]) == ["layer 1", "layer 2", "layer 3"]


def test_axes_by_depth_do_not_move_with_the_data():
    for measured, (depth, domain) in product(("signal", "gradient"), {5: [1e-4, 10.0], 30: [1e-10, 1e4], 100: [1e-10, 1e4]}.items()):
        for layer in common.depth_picture(pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), ("a", "b"), measured, depth)["layer"][:3]:
            assert layer["encoding"]["y"]["scale"]["domain"] == domain
            assert layer["encoding"]["x"]["scale"]["domain"] == [0.5, depth + 0.5]


def test_the_chains_axis_goes_with_its_depth_and_holds_what_a_half_and_one_and_a_half_leave():
    for depth in range(1, 51):
        assert max(1.5 ** (depth - 1), 2.0 ** (depth - 1)) <= 10.0 ** chain_part.decades(depth) <= 10.0 ** (depth + 1)
    spec = deep.panels(pd.DataFrame(), pd.DataFrame(), 5, "activations", 30, (0.0, 4.0))
    assert {layer["encoding"]["x"]["axis"] for layer in spec["layer"]} == {None}   # panels stand side by side, at no numbers


def test_a_large_network_is_measured_on_fewer_inputs_and_says_so():
    app = opened(depth=100, width=500, seeds=10)
    assert not app.exception
    assert any("is measured on 100 inputs and 1 seed, to" in caption.value for caption in app.caption)
    assert "samples=100," in golden.script_of(app)


def test_a_pinned_network_stands_beside_the_current_one_and_what_its_link_cannot_mean_takes_its_default():
    app = linked("init_pin=depth%3D7%26activation%3Dtanh%26width%3Dnonsense")
    assert not app.exception
    assert any(m.value == "**Pinned:** tanh, LeCun normal, gain 1, 7 × 100" for m in app.markdown)
    assert verdict_of(app).startswith("**Now:** The gradient vanishes.")
    assert any(m.value.startswith("**Pinned:** This network is healthy. From layer 1 to layer 7") for m in app.markdown)
    assert len(charts_of(app)) == 6
    assert len({chart.alt for chart in charts_of(app)}) == 6


@pytest.mark.parametrize("pin", ["activation=leaky_relu&initializer=normal&gain=0.01&samples=300&inputs=digits&batch_norm=before",
                                 "activation=Leaky+ReLU&initializer=Normal+N%280%2C+1%29&gain=0.01&samples=300&inputs=Digits&batch_norm=Before"])
def test_a_pin_is_read_by_keys_and_by_the_labels_of_older_links(pin):
    app = linked(urlencode({"init_pin": pin}))
    assert any(m.value == "**Pinned:** Leaky ReLU, Normal N(0, 1), gain 0.01, 30 × 100, batch norm before" for m in app.markdown)


def test_a_pin_holds_all_settings_stays_in_the_link_through_presets_and_parts_and_leaves_it_with_unpin():
    app = opened(depth=7, activation="tanh", sigma_b=0.05)
    app.button(key="init_pin_it").click().run()
    pin = "activation=tanh&depth=7&sigma_b=0.05"
    assert asked(app, "init_pin") == pin
    app.selectbox(key="_init_preset").set_value("relu_he").run()
    assert any(m.value == "**Pinned:** tanh, LeCun normal, gain 1, 7 × 100, σ_b = 0.05" for m in app.markdown)
    app.session_state["init_part"] = "neuron"
    app.run()
    assert asked(app, "init_pin") == pin
    app.session_state["init_part"] = "deep"
    app.run()
    copy = golden.open_link(link_of(app, PAGE))
    assert [m.value for m in copy.markdown] == [m.value for m in app.markdown]
    app.button(key="init_unpin").click().run()
    assert "init_pin" not in app.query_params
    assert not any("Pinned" in m.value for m in app.markdown)
    assert len(charts_of(app)) == 3


def test_a_pin_of_nothing_but_defaults_is_one():
    app = opened()
    app.button(key="init_pin_it").click().run()
    assert asked(app, "init_pin") == "defaults"
    assert len(charts_of(app)) == 6
    app.switch_page("pages/home.py").run()
    app.query_params.clear()
    app.switch_page("pages/initialization.py").run()
    assert asked(app, "init_pin") == "defaults"   # kept while other pages are visited


@pytest.mark.parametrize("pin", ["nonsense", "depth%3D--5", "%00", "width%3D3"])
def test_a_pin_that_cannot_be_read_is_said_to_be_so(pin):
    app = linked(f"init_pin={pin}")
    assert not app.exception
    assert [w.value for w in app.warning] == ["The link pins a network that cannot be read; none is pinned."]
    assert not any("Pinned" in m.value for m in app.markdown)


@pytest.mark.parametrize(("query", "warned"), [("init_part=bogus", 1), ("init_show=x", 1), ("init_show=x&init_part=Matrix&init_depth=3", 0),
                                               ("init_seed=--1", 1), ("init_gain=nan", 1)])
def test_nonsense_in_a_link_never_breaks_the_page_and_is_said_where_its_control_stands(query, warned):
    app = linked(query)
    assert not app.exception
    assert len(app.warning) == warned


def test_the_offered_fix_makes_the_network_healthy():
    app = opened(activation="sigmoid", depth=20)
    assert not verdict_of(app).startswith("This network is healthy")
    fix_of(app).click().run()
    assert not app.exception
    assert verdict_of(app).startswith("This network is healthy")


@pytest.mark.parametrize("depth", [5, 20, 50])
def test_every_cure_lies_on_the_page_s_ladders(depth):
    """A fix that the controls cannot hold would raise, or heal nothing."""
    controls = {control.name: control for control in PAGE.controls}
    for activation in ACTIVATIONS:
        for initializer in ("normal", "zeros", "lecun_normal"):
            run = propagation.propagate(depth=depth, width=50, samples=100, activation=activation, initializer=initializer,
                                        rng=np.random.default_rng(0))
            for name, value in diagnosis.diagnose(run, with_fix=True).fix.items():
                taken = controls[name].take(value)
                assert taken in controls[name].options
                assert taken == value or value is None or taken == pytest.approx(value, rel=0.05)


def test_the_verdict_follows_the_seed_and_the_inputs():
    """It is computed with the network that it speaks of, not remembered from another visitor's."""
    network = {"activation": "tanh", "depth": 10, "width": 20, "seeds": 1}
    said = [verdict_of(opened(**network, **settings)) for settings in ({"seed": 0}, {"seed": 7}, {"seed": 7, "inputs": "digits"})]
    assert all("spread of the signal" in text for text in said)
    assert len(set(said)) == 3


def test_to_the_critical_line_by_a_click():
    app = opened("phase", activation="tanh", depth=10, gain=2.0, initializer="he_normal")
    assert "it grows more than" in verdict_of(app)
    app.button(key="init_critical").click().run()
    assert (app.session_state["init_initializer"], app.session_state["init_gain"]) == ("lecun_normal", 1.0)
    assert "this is the critical line" in verdict_of(app)


@pytest.mark.parametrize(("sigma_w", "chi", "kind"), [(1.0, 1.0, "critical"), (1.0, 0.0, "ordered"), (0.5, 0.25, "ordered"), (1.0, 0.9, "ordered"),
                                                      (1.5, 1.2, "chaotic"), (2.0, 4.0, "chaotic"), (1.4, 0.9999, "critical")])
def test_the_phase_is_told_by_chi(sigma_w, chi, kind):
    verdict = phase.read(sigma_w, 0.0, 0.5, chi)
    assert verdict.kind == kind
    assert ("critical line" in verdict.text) == (kind == "critical")
    assert phase.read(sigma_w, 0.0, float("inf"), chi).kind == "unbounded"


def test_what_an_affordable_network_may_ask_for_does_not_grow_with_its_size():
    most = {"initializer": "orthogonal", "samples": 1000, "seeds": 10}
    small, large = (common.affordable(Values(depth=depth, width=width, **most)) for depth, width in ((5, 20), (100, 500)))
    assert small == (1000, 10)
    assert large == (100, 1)


def test_the_formula_of_the_weights_says_equal_only_where_its_rounded_numbers_are():
    for settings, said in (
            ({"initializer": "lecun_normal"}, r"100 \times 0.1^2 = 1"), ({"initializer": "he_normal"}, r"100 \times 0.141^2 \approx 2"),
            ({"initializer": "lecun_normal", "width": 300, "depth": 2}, r"300 \times 0.0577^2 \approx 1")):
        app = open_part(PAGE, PAGE.part("deep"), **settings)
        assert any(said in one.value for one in app.latex), said


@pytest.mark.parametrize(("initializer", "told"), [("zeros", False), ("lsuv", False), ("he_normal", True)])
def test_where_the_theory_is_silent_no_number_is_put_into_its_formula(initializer, told):
    app = open_part(PAGE, PAGE.part("phase"), initializer=initializer, depth=2, seeds=1, samples=100)
    (line,) = [one.value for one in app.latex if r"\chi =" in one.value]
    assert ("^2] = 1" in line) == told

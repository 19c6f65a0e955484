"""The Gradient checking page: its parts, what they promise, and the zoo as a visitor meets it. Two visits in a real browser are elsewhere."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from engine import BUGS, CAUTIONS, band, check_gradients, exercise, load_digits, load_mnist, mlp, numbered
from engine.gradient_check.explanation import explain
from engine.gradient_check.listing import LINES, line_of
from engine.gradient_check.zoo import NUMBERED
from engine.verdict import number
from pages.parts.gradient_checking import PAGE, cautions, common
from pages.parts.gradient_checking import bug as bug_part
from pages.parts.gradient_checking import network as network_part
from pages.shared import layout
from tests.pages import golden
from tests.pages.golden import open_link, script_of
from tests.pages.helpers import charts_of, fix_of, open_part
from tests.reference import MNIST, needs_mnist

pytestmark = pytest.mark.usefixtures("without_mnist")


def opened(part: str, **settings):
    return open_part(PAGE, PAGE.part(part), **settings)


def move(app, **settings):
    """As a visitor moves controls, by their names."""
    for name, value in settings.items():
        app.session_state[f"grad_{name}"] = value
    return app.run()


def output_of(app) -> list[str]:
    return golden.printed(script_of(app)).splitlines()


def words(app) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption))


# Every part, every control

@pytest.mark.parametrize("function", common.NAMES)
def test_every_curve_draws_at_its_hardest_places(function):
    for theta, step in ((0.0, 1.0), (-2.0, 1e-12), (2.0, 0.01)):
        assert not opened("curve", function=function, theta=theta, step=step).exception
    for theta in (-2.0, 0.0):
        assert not opened("v", function=function, theta=theta).exception


@pytest.mark.parametrize("key", cautions.TITLES)
def test_every_caution_has_a_page(key):
    for mistake in (False, True):
        app = opened("cautions", caution=key, mistake=mistake)
        assert not app.exception
        label = CAUTIONS[key].mistake if key in CAUTIONS else None
        assert [toggle.label for toggle in app.toggle] == [*([label] if label else []), "The pictures as files"]


def test_wishes_that_cannot_be_met_are_said_and_those_of_other_parts_do_not_disturb():
    app = open_link("gradient_checking?grad_samples=1000000&grad_layers=9999&grad_epsilon=-1&grad_bug=99&grad_part=nonsense")
    assert not app.exception
    assert len(app.warning) == 4
    assert opened("bug").session_state["grad_bug"] == 1
    for part in ("bug", "Find+the+bug"):
        assert any("Bug number = “99”" in warning.value for warning in open_link(f"gradient_checking?grad_part={part}&grad_bug=99").warning)


def test_a_parameter_that_another_network_has_not_falls_back_to_the_worst_also_in_the_link():
    app = opened("net", batch_norm="before", parameter="batch_norm_1.gamma")
    assert app.session_state["grad_parameter"] == "batch_norm_1.gamma"
    assert any("Heat map of batch_norm_1.gamma" in chart.alt for chart in charts_of(app))
    move(app, batch_norm="none")
    assert not app.exception
    assert app.session_state["grad_parameter"] == "worst"
    assert "grad_parameter" not in app.query_params


def test_the_menu_names_the_parameters_of_the_network_in_both_parts_that_have_it():
    for part, settings in (("net", {}), ("bug", {"bug": 4})):
        app = opened(part, **settings)
        assert app.selectbox(key="grad_parameter").options == ["the worst", *app.dataframe[0].value["Parameter"]]


def test_settings_of_a_part_wait_while_another_part_is_shown():
    app = opened("net", samples=5)
    for part in ("curve", "net"):
        move(app, part=part)
    assert app.session_state["grad_samples"] == 5


# What stands there is true

def test_the_notes_numbers_stand_on_the_page():
    text = words(opened("curve", function="cube", theta=1.0, step=0.01))
    assert "3.0001" in text
    assert "3.0301" in text


def test_the_default_network_has_at_least_25000_parameters_and_every_one_is_compared():
    app = opened("net")
    found = re.search(r"in all ([\d,]+) components that .* ([\d,]+) that are 0 on both", words(app)).groups()
    compared, idle = (int(n.replace(",", "")) for n in found)
    assert compared + idle == 25_194
    assert output_of(app)[0].endswith(": right")


@pytest.mark.parametrize("values", [
    {}, {"batch_norm": "after", "activation": "gelu", "l2": 0.1, "layers": "24-16"}, {"dropout": 0.5, "layers": "30-30-30", "scheme": "complex"},
    {"precision": "float32", "layers": "10"}, {"samples": 1, "batch_norm": "before", "layers": "100-100"},
], ids=str)
def test_the_script_of_a_network_prints_the_numbers_of_the_page(values):
    app = opened("net", **values)
    lines = output_of(app)
    table = app.dataframe[0].value
    assert [line.split()[0] for line in lines[1:]] == list(table["Parameter"])
    assert [line.split()[2] for line in lines[1:]] == list(table["Grade"])
    for line, shown in zip(lines[1:], table["Relative error"], strict=True):
        assert number(float(line.split()[1])) == shown
    by_number, grade = re.match(r"relative error (\S+): (\w+)", lines[0]).groups()
    said = re.search(r"By this number alone, the check would be graded (\w+)\. The grade leaves out kinks and rounding: it is (\w+)\.", words(app))
    assert said.groups() == (band(float(by_number)), grade)
    assert any(line.value.strip("$\n").endswith(f"= {layout.tex(float(by_number))}") for line in app.latex)


def test_a_small_number_in_the_last_row_is_not_cut_to_a_larger_one():
    """A browser measures some rows: with zeros in all of them but the last, 1.7 × 10⁻¹¹ read as 1.7 × 10⁻¹."""
    app = open_link("gradient_checking?grad_initializer=zeros&grad_layers=50-50-50-50")
    column, widths = app.dataframe[0].value["Mean |Δ|"], json.loads(app.dataframe[0].proto.columns)
    assert column.iloc[0] == "0"
    assert widths["Mean |Δ|"]["width"] > 7 * len(column.iloc[-1]) + 18


def test_the_scripts_of_the_other_parts_print_their_numbers():
    assert output_of(opened("curve", step=0.01)) == ["exact 3  two-sided 3.0001  one-sided 3.0301"]
    assert any(re.match(r"central float64: best epsilon 4\.22e-06, error 1\.\d+e-11, slope 1\.999", line) for line in output_of(opened("v")))
    assert re.fullmatch(r"relative error 0\.9\d+: wrong", output_of(opened("bug", bug=7))[0])
    assert output_of(opened("cautions", caution="kink", mistake=True))[0].endswith(": right")


def test_the_1e_7_trap_is_named():
    app = opened("net", epsilon=1e-7, gain=0.1)
    assert "A strict threshold of 10⁻⁷ would reject dense_1.W" in words(app)
    assert "too small for two-sided differences" in words(app)
    fix_of(app).click().run()
    assert app.session_state["grad_epsilon"] == 0.0
    assert "would reject" not in words(app)


def test_a_float32_check_says_that_it_cannot_tell_and_its_fix_can():
    app = opened("net", precision="float32", epsilon=1e-5)
    assert "No verdict on backpropagation" in words(app)
    fix_of(app).click().run()
    assert app.session_state["grad_precision"] == "float64"
    assert "Backpropagation is right" in words(app)


def test_one_image_through_batch_norm_is_called_vacuous_and_more_images_cure_it():
    app = opened("net", samples=1, batch_norm="before")
    assert "Hardly anything was tested" in words(app)
    fix_of(app).click().run()
    assert app.session_state["grad_samples"] == 16
    assert "Backpropagation is right" in words(app)


def test_large_networks_are_checked_on_fewer_images_and_the_page_says_so():
    assert "is checked on" in words(opened("net", layers="128-128", samples=64))


# Facts of the book

@needs_mnist
def test_the_books_batch_norm_check_is_vacuous_and_its_last_beta_is_at_a_kink():
    data = load_mnist(MNIST)
    network = mlp((784, 100, 100, 10), batch_norm="before", rng=np.random.default_rng(0), dtype=np.float64)
    report = check_gradients(network, data.x_train[:1] / 255, data.y_train[:1], epsilon=1e-4)
    assert report.grade == "vacuous"
    assert report.vacuous > 0.99
    beta = report.by_parameter["batch_norm_2.beta"]
    assert beta.grade == "kink"
    assert 0.02 < beta.mean_difference < 0.2     # the book's is .056; it goes with the draw of the weights


def books_differences(x, labels, seed, inside=1e-7, h=1e-4, z=None):
    """Mean |difference| of a 784-50-10 ReLU network with the loss -ln(p + inside), by plain loops over all weights that matter.

    With z, one hidden unit's bias puts its pre-activation for one image at z.
    """
    rng = np.random.default_rng(seed)
    p = {"W1": 0.01 * rng.standard_normal((784, 50)), "b1": np.zeros(50), "W2": 0.01 * rng.standard_normal((50, 10)), "b2": np.zeros(10)}
    if z is not None:
        at = x @ p["W1"]
        image, unit = np.unravel_index(np.where(at < 0, -at, np.inf).argmin(), at.shape)
        p["b1"][unit] = z - at[image, unit]
    m, rows = len(x), np.arange(len(x))

    def forward():
        hidden = np.maximum(x @ p["W1"] + p["b1"], 0)
        scores = hidden @ p["W2"] + p["b2"]
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return hidden, e / e.sum(axis=1, keepdims=True)

    hidden, odds = forward()
    d = odds.copy()
    d[rows, labels] -= 1
    d /= m
    dz = (d @ p["W2"].T) * (hidden > 0)
    gradient = {"W1": x.T @ dz, "b1": dz.sum(axis=0), "W2": hidden.T @ d, "b2": d.sum(axis=0)}
    found = {}
    for name, values in p.items():
        total = 0.0
        for i in np.ndindex(values.shape):
            if name == "W1" and not x[:, i[0]].any():
                continue   # a black pixel: 0 on both sides
            start, sides = values[i], []
            for step in (h, -h):
                values[i] = start + step
                sides.append(-np.log(forward()[1][rows, labels] + inside).mean())
            values[i] = start
            total += abs((sides[0] - sides[1]) / (2 * h) - gradient[name][i])
        found[name] = total / values.size
    return found


@pytest.mark.slow
@needs_mnist
def test_the_books_published_differences_are_its_epsilon_inside_the_logarithm_and_a_kink():
    data = load_mnist(MNIST)
    x, labels = data.x_train[:3] / 255, data.y_train[:3]
    plain, published = books_differences(x, labels, 1), books_differences(x, labels, 1, z=5e-5)
    exact = books_differences(x, labels, 1, inside=0.0)
    assert published["b2"] == pytest.approx(1.4e-7, rel=0.1)
    assert published["W2"] == pytest.approx(6e-9, rel=0.5)
    assert published["b1"] == pytest.approx(2.4e-5, rel=0.5)
    assert published["W1"] == pytest.approx(1.8e-6, rel=0.5)
    assert plain["b1"] < 1e-8                  # without the kink
    assert plain["b2"] == pytest.approx(published["b2"], rel=1e-3)
    assert max(exact.values()) < 2e-10         # and without the epsilon
    network = mlp((784, 50, 10), initializer="normal", gain=0.01, rng=np.random.default_rng(0), dtype=np.float64)
    ours = check_gradients(network, x, labels, epsilon=1e-4).by_parameter
    assert max(row.mean_difference for row in ours.values()) < 2e-10


# Find the bug

def test_every_bug_has_one_number_for_ever():
    assert sorted(NUMBERED) == sorted(BUGS)
    assert bug_part.BUG.limits == (1, len(NUMBERED))
    with pytest.raises(ValueError, match="number must be between 1 and 17, got 18"):
        numbered(18)


def code_of(app) -> list[str]:
    return [app.radio[0].options[i] for i in range(len(LINES))]


@pytest.mark.parametrize("number", range(1, len(NUMBERED) + 1))
@pytest.mark.parametrize("level", ["1", "2"])
def test_a_bug_is_not_given_away_before_the_answer_and_its_line_is_shown_after(number, level):
    bug = BUGS[NUMBERED[number - 1]]
    line, fault = line_of(bug.key), LINES[line_of(bug.key)].faults[bug.key]
    app = opened("bug", bug=number, level=level)
    assert not app.exception
    assert bug.title not in words(app)
    assert bug.key not in script_of(app)
    assert [text.partition("`")[2].rstrip("`") == one.code for text, one in zip(code_of(app), LINES, strict=True)] == [
        level == "2" or i != line for i in range(len(LINES))]
    assert (f"`{fault}`" in code_of(app)[line]) == (level == "1")
    app.radio[0].set_value(line).run()
    assert not app.exception
    assert f"Yes: {bug.title}.** Instead of `{LINES[line].code}` runs `{fault}`." in words(app)
    assert "".join(bug.source.split()) in "".join(" ".join(code.value for code in app.code).split())


def test_what_stands_beside_the_lines_is_the_same_for_every_bug():
    """Neither the page nor its settings tell which layers matter."""
    pages = [opened("bug", bug=number) for number in (1, 3, 6, 10, 12)]
    assert len({caption.value for app in pages for caption in app.sidebar.caption if "All bugs live" in caption.value}) == 1
    assert len({tuple(app.dataframe[0].value["Parameter"]) for app in pages}) == 1


def test_a_wrong_click_says_what_a_fault_there_would_have_spoiled():
    app = opened("bug", bug=3)   # biases only
    app.radio[0].set_value(line_of("mean_twice")).run()
    assert "Not that line: a fault there would also spoil dense_1.W, dense_2.W, output.W" in words(app)
    app.radio[0].set_value(line_of("penalised_biases")).run()
    assert "a fault there can spoil the same parameters" in words(app)
    app.radio[0].set_value(line_of("bias_of_one_sample")).run()
    assert "Yes: The bias's gradient of one sample." in words(app)


def progress(app) -> str:
    return app.get("progress")[0].proto.text


def test_progress_over_the_zoo_is_kept_while_bugs_and_parts_change_and_being_shown_does_not_count():
    app = opened("bug", bug=7)
    assert "0 of 17" in progress(app)
    app.radio[0].set_value(line_of("wrong_sign")).run()
    assert "1 of 17 (number 7)" in progress(app)
    app.button(key="grad_next").click().run()
    assert app.session_state["grad_bug"] == 8
    app.button(key="grad_show").click().run()
    assert "Here it is" in words(app)
    assert "1 of 17" in progress(app)
    for part in ("net", "bug"):
        move(app, part=part)
    assert app.session_state["grad_bug"] == 8
    assert "1 of 17 (number 7)" in progress(app)
    move(app, level="2")
    assert "0 of 17" in progress(app)


def test_at_the_last_level_only_the_first_click_counts_and_there_are_no_hints():
    app = opened("bug", bug=7, level="3")
    assert "Only faults in" not in words(app)
    app.radio[0].set_value(line_of("mean_twice")).run()
    assert "Only a first click counts at this level." in words(app)
    app.radio[0].set_value(line_of("wrong_sign")).run()
    assert "Here it is" in words(app)
    assert "0 of 17" in progress(app)
    app = opened("bug", bug=7, level="3")
    app.radio[0].set_value(line_of("wrong_sign")).run()
    assert "1 of 17" in progress(app)


@pytest.mark.parametrize(("sent", "kept"), [
    ("1:3 2:17", {"1:3", "2:17"}), ("1:18 4:1 1:0 0:1 x <b> 1:٣", set()), ("1:1 " * 200, set()), (7, set()), (None, set())])
def test_a_browser_may_send_anything_and_only_bugs_of_the_zoo_are_kept(sent, kept, monkeypatch):
    state = {}
    monkeypatch.setattr(bug_part.st, "session_state", state)
    monkeypatch.setattr(bug_part, "MEMORY", lambda **_: SimpleNamespace(found=sent))
    bug_part.remember(1)
    assert state["grad_found"] == kept


# Cautions

@pytest.mark.parametrize(("key", "without", "with_it"), [
    ("dropout", "right", "unclear"), ("penalty", "right", "wrong"), ("one_sample", "wrong", "vacuous"), ("kink", "right", "right"),
    ("late", "wrong", "right")])
def test_each_caution_breaks_the_check_in_its_own_way(key, without, with_it):
    assert CAUTIONS[key].check(False).grade == without
    assert CAUTIONS[key].check(True).grade == with_it


def test_the_plain_formula_is_misled_where_the_cautions_say():
    assert band(CAUTIONS["kink"].check(True).relative_error) == "wrong"          # and the code is right
    assert band(CAUTIONS["one_sample"].check(True).relative_error) == "right"    # and the code is wrong
    assert band(CAUTIONS["dropout"].check(True).relative_error) == "wrong"


def test_the_cost_is_measured_when_asked_and_not_before():
    app = opened("cautions", caution="cost")
    assert "grad_cost" not in app.session_state
    app.button(key="grad_measure").click().run()
    assert not app.exception
    cost = app.session_state["grad_cost"]
    assert cost.parameters == 25_194
    assert cost.loop_ratio > cost.structured_ratio > 1
    assert "check_cost" in cautions.COST
    (table,) = (one.value for one in app.markdown if one.value.startswith("| What"))   # which wraps: a phone showed no number of a wider one
    assert [line.count("|") for line in table.splitlines()] == [4] * 6


# Verdicts

def test_the_verdict_names_what_is_wrong_and_what_is_right():
    e = exercise("bias_of_one_sample")
    said = explain(check_gradients(e.network, e.x, e.labels))
    assert said.kind == "wrong"
    assert "dense_1.b, dense_2.b and output.b do not agree" in said.text
    assert "Right: dense_1.W, dense_2.W and output.W." in said.text


def test_factors_tell_a_forgotten_mean_and_a_sign():
    for key, factor in (("forgotten_mean", 16), ("wrong_sign", -1), ("divided_by_size", 0.1)):
        e = exercise(key)
        rows = check_gradients(e.network, e.x, e.labels).by_parameter.values()
        assert [row.factor for row in rows] == pytest.approx([factor] * len(rows), rel=1e-6)


def test_local_errors_add_up_to_the_relative_error_of_their_parameter():
    e = exercise("missing_slope")
    report = check_gradients(e.network, e.x, e.labels)
    for row in report.by_parameter.values():
        here = report.local_error[row.start:row.start + int(np.prod(row.shape))]
        assert np.sqrt(np.mean(here**2)) == pytest.approx(row.relative_error)


# Tables and charts

def big_report(**options):
    data = load_digits()
    network = mlp((64, 256, 32, 10), rng=np.random.default_rng(0), dtype=np.float64, **options)
    return check_gradients(network, data.x_train[:4] / 16, data.y_train[:4])


def test_strip_and_maps_stay_under_2000_marks_and_60_kilobytes():
    report = big_report(batch_norm="before")
    cells = common.strip_cells(report)
    assert len(cells) <= 2000
    assert cells.memory_usage(index=False).sum() < 60_000
    for name in report.by_parameter:
        for frame in (network_part.error_cells(report, name), *bug_part.gradient_cells(report, name)):
            assert len(frame) <= 2000
            assert frame.memory_usage(index=False).sum() < 60_000


def test_the_strip_shows_every_component_once_and_no_error_is_lost_in_a_bin():
    report = big_report()
    k = report.by_parameter["dense_2.W"].start + 777
    report.analytical[k] += 1.0
    cells = common.strip_cells(report).query("state != 'name'")
    assert (cells["last"] - cells["first"] + 1).sum() == report.analytical.size
    worst = cells.loc[cells["log_error"].idxmax()]
    assert worst["parameter"] == "dense_2.W"
    assert worst["first"] <= 777 <= worst["last"]
    cells = network_part.error_cells(report, "dense_2.W")
    worst = cells.loc[cells["log_error"].idxmax()]
    assert worst["row"] <= 777 // 32 < worst["row2"]
    assert worst["column"] <= 777 % 32 < worst["column2"]


def test_numbers_that_are_not_finite_draw_as_the_greatest_error():
    report = big_report()
    report.analytical[5] = np.nan
    report.analytical[-1] = np.inf
    cells = common.strip_cells(report).query("state != 'name'")
    assert np.isfinite(cells["log_error"]).all()
    assert cells["log_error"].iloc[0] == cells["log_error"].iloc[-1] == 0
    assert np.isfinite(network_part.error_cells(report, "dense_1.W")["log_error"]).all()
    assert np.isfinite(bug_part.gradient_cells(report, "dense_1.W")[0]["value"]).all()


SPECS = {
    "strip": common.strip(pd.DataFrame()),
    "errors": network_part.error_map(pd.DataFrame(), 64, 256),
    "values": bug_part.gradient_map(pd.DataFrame(), 1, 10),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_axes_and_colours_do_not_move_with_the_data(spec):
    """Every place along an axis and every colour that follows a number has a domain of its own; a datum borrows none, and stands still."""
    channels = []
    for layer in spec["layer"]:
        assert "data" not in layer
        channels += [channel for name in ("x", "y", "color") if "value" not in (channel := layer["encoding"].get(name, {"value": None}))]
    for channel in channels:
        assert len(channel["scale"]["domain"]) >= 2, channel
    numeric = [channel for channel in channels if channel["type"] == "quantitative"]
    assert len(numeric) >= 3
    assert all(domain[0] != domain[-1] for domain in (channel["scale"]["domain"] for channel in numeric))

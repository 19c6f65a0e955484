"""The Gradient checking page: its parts, what they promise, and the zoo as a visitor meets it."""

import contextlib
import io
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from engine import BUGS, CAUTIONS, band, check_gradients, exercise, load_digits, load_mnist, mlp, numbered
from engine.gradient_check.explanation import explain
from engine.gradient_check.zoo import NUMBERED, choices
from pages.shared import charts_gradient_checking as charts
from pages.shared import frames_gradient_checking as frames
from pages.shared.controls import GRAD, GRAD_CAUTIONS, GRAD_FUNCTIONS, GRAD_PARTS
from pages.shared.gradient_parts import COST
from tests.reference import MNIST, needs_mnist
from tests.test_pages import open_page, without_mnist  # noqa: F401  (a fixture for every test here)

OF_PART = dict.fromkeys(GRAD, "net") | dict.fromkeys(("function", "theta"), "v") | {
    "step": "curve", "bug": "bug", "caution": "cautions", "mistake": "cautions", "part": "net"}


def open_part(part: str, **values):
    link = {GRAD[name].key: GRAD[name].write(value) for name, value in {"part": part, **values}.items()}
    return open_page("gradient_checking", **link)


def script_of(app) -> str:
    return next(code.value for code in app.code if re.search(r"^(import|from) ", code.value) and "print(" in code.value and "def " not in code.value)


def output_of(app) -> list[str]:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(script_of(app), {})
    return printed.getvalue().splitlines()


def words(app) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption))


# Every part, every control

@pytest.mark.parametrize("part", GRAD_PARTS)
def test_every_part_opens_from_a_link_with_a_chart_a_verdict_and_a_script(part):
    app = open_part(part)
    assert not app.exception
    assert app.get("vega_lite_chart")
    assert output_of(app)
    assert not app.warning


@pytest.mark.parametrize("name", [name for name in GRAD if name != "parameter"])
def test_every_control_can_be_moved_to_both_ends(name):
    control = GRAD[name]
    app = open_part(OF_PART[name])
    for end in (control.options[0], control.options[-1]) if control.options else control.limits or (False, True):
        app.session_state[control.key] = end
        app.run()
        assert not app.exception, end
        assert app.session_state[control.key] == end


@pytest.mark.parametrize("function", GRAD_FUNCTIONS)
def test_every_curve_draws_at_its_hardest_places(function):
    for theta, step in ((0.0, 1.0), (-2.0, 1e-12), (2.0, 0.01)):
        assert not open_part("curve", function=function, theta=theta, step=step).exception
    for theta in (-2.0, 0.0):
        assert not open_part("v", function=function, theta=theta).exception


@pytest.mark.parametrize("key", GRAD_CAUTIONS)
def test_every_caution_has_a_page(key):
    for mistake in (False, True):
        assert not open_part("cautions", caution=key, mistake=mistake).exception


def test_wishes_that_cannot_be_met_are_said_and_those_of_other_parts_do_not_disturb():
    app = open_page("gradient_checking", grad_samples="1000000", grad_layers="9999", grad_epsilon="-1", grad_bug="99", grad_part="nonsense")
    assert not app.exception
    assert len(app.warning) == 4
    assert open_part("bug").session_state["grad_bug"] == 1
    assert any("Bug number = “99”" in warning.value for warning in open_page("gradient_checking", grad_part="Find the bug", grad_bug="99").warning)


def test_a_parameter_that_another_network_has_not_falls_back_to_the_worst():
    app = open_part("net", batch_norm="before", parameter="batch_norm_1.gamma")
    assert app.session_state["grad_parameter"] == "batch_norm_1.gamma"
    app.session_state["grad_batch_norm"] = "none"
    app.run()
    assert not app.exception
    assert app.session_state["grad_parameter"] == "worst"


def test_settings_of_a_part_wait_while_another_part_is_shown():
    app = open_part("net", samples=5)
    for part in ("curve", "net"):
        app.session_state["grad_part"] = part
        app.run()
    assert app.session_state["grad_samples"] == 5


# What stands there is true

def test_the_notes_numbers_stand_on_the_page():
    text = words(open_part("curve", function="cube", theta=1.0, step=0.01))
    assert "3.0001" in text
    assert "3.0301" in text


def test_the_default_network_has_at_least_25000_parameters_and_every_one_is_compared():
    app = open_part("net")
    assert "Backpropagation is right in all 25,194 components" in words(app)
    assert output_of(app)[0].endswith(": right")


@pytest.mark.parametrize("values", [
    {}, {"batch_norm": "after", "activation": "gelu", "l2": 0.1, "layers": "24-16"}, {"dropout": 0.5, "layers": "30-30-30", "scheme": "complex"},
    {"precision": "float32", "layers": "10"}, {"samples": 1, "batch_norm": "before", "layers": "100-100"},
], ids=str)
def test_the_script_of_a_network_prints_the_numbers_of_the_page(values):
    app = open_part("net", **values)
    lines = output_of(app)
    table = app.dataframe[0].value
    assert [line.split()[0] for line in lines[1:]] == list(table["Parameter"])
    assert [line.split()[2] for line in lines[1:]] == list(table["Grade"])
    for line, shown in zip(lines[1:], table["Relative error"], strict=True):
        assert frames.short(float(line.split()[1])) == shown
    by_number, grade = re.match(r"relative error (\S+): (\w+)", lines[0]).groups()
    assert f"right: {grade}." in words(app) or f"rounding: {grade}." in words(app)
    assert float(by_number) >= 0


def test_the_scripts_of_the_other_parts_print_their_numbers():
    assert output_of(open_part("curve", step=0.01)) == ["exact 3  two-sided 3.0001  one-sided 3.0301"]
    assert any(re.match(r"central float64: best epsilon 4\.22e-06, error 1\.\d+e-11, slope 1\.999", line) for line in output_of(open_part("v")))
    assert "relative error 1: wrong" in output_of(open_part("bug", bug=7))
    assert output_of(open_part("cautions", caution="kink", mistake=True))[0].endswith(": right")


def test_the_1e_7_trap_is_named():
    app = open_part("net", epsilon=1e-7, gain=0.1)
    assert "A strict threshold of 10⁻⁷ would reject dense_1.W" in words(app)
    assert "too small for central differences" in words(app)
    app.button(key="apply_fix").click().run()
    assert app.session_state["grad_epsilon"] == 0.0
    assert "would reject" not in words(app)


def test_a_float32_check_says_that_it_cannot_tell_and_its_fix_can():
    app = open_part("net", precision="float32", epsilon=1e-5)
    assert "No verdict on backpropagation" in words(app)
    app.button(key="apply_fix").click().run()
    assert app.session_state["grad_precision"] == "float64"
    assert "Backpropagation is right" in words(app)


def test_one_image_through_batch_norm_is_called_vacuous_and_more_images_cure_it():
    app = open_part("net", samples=1, batch_norm="before")
    assert "Nothing was tested" in words(app)
    app.button(key="apply_fix").click().run()
    assert app.session_state["grad_samples"] == 16
    assert "Backpropagation is right" in words(app)


def test_large_networks_are_checked_on_fewer_images_and_the_page_says_so():
    assert "is checked on" in words(open_part("net", layers="128-128", samples=64))


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
    assert GRAD["bug"].limits == (1, len(NUMBERED))
    with pytest.raises(ValueError, match="number must be between 1 and 17, got 18"):
        numbered(18)


@pytest.mark.parametrize("number", range(1, len(NUMBERED) + 1))
def test_five_bugs_are_offered_and_the_planted_one_is_among_them(number):
    keys = choices(number)
    assert len(set(keys)) == 5
    assert NUMBERED[number - 1] in keys
    assert keys == choices(number)


@pytest.mark.parametrize("number", range(1, len(NUMBERED) + 1))
def test_a_bug_is_not_given_away_before_the_answer_and_its_line_is_shown_after(number):
    bug = BUGS[NUMBERED[number - 1]]
    app = open_part("bug", bug=number)
    assert not app.exception
    everything = words(app) + " ".join(code.value for code in app.code)
    assert bug.wrong not in everything
    assert bug.key not in script_of(app)
    assert "Graded **wrong**" in everything
    app.radio[0].set_value(bug.key).run()
    assert not app.exception
    everything = words(app) + " ".join(code.value for code in app.code)
    assert bug.title in everything
    assert bug.wrong in everything
    assert "".join(bug.source.split()) in "".join(everything.split())


def test_a_wrong_answer_says_what_that_bug_would_have_spoiled():
    app = open_part("bug", bug=3)   # biases only
    app.radio[0].set_value("mean_twice").run()
    assert "Not that one: it would also spoil dense_1.W, dense_2.W, output.W" in words(app)
    app.radio[0].set_value("bias_of_one_sample").run()
    assert "Yes: The bias's gradient of one sample." in words(app)


def progress(app) -> str:
    return app.get("progress")[0].proto.text


def test_progress_over_the_zoo_is_kept_while_bugs_and_parts_change_and_being_shown_does_not_count():
    app = open_part("bug", bug=7)
    assert "0 of 17" in progress(app)
    app.radio[0].set_value("wrong_sign").run()
    assert "1 of 17 (numbers 7)" in progress(app)
    app.button(key="grad_next").click().run()
    assert app.session_state["grad_bug"] == 8
    app.button(key="grad_show").click().run()
    assert "Here it is" in words(app)
    assert "1 of 17" in progress(app)
    for part in ("net", "bug"):
        app.session_state["grad_part"] = part
        app.run()
    assert app.session_state["grad_bug"] == 8
    assert "1 of 17 (numbers 7)" in progress(app)


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
    app = open_part("cautions", caution="cost")
    assert "grad_cost" not in app.session_state
    app.button(key="grad_measure").click().run()
    assert not app.exception
    cost = app.session_state["grad_cost"]
    assert cost.parameters == 25_194
    assert cost.loop_ratio > cost.structured_ratio > 1
    assert "check_cost" in COST


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
    cells = frames.strip(report)
    assert len(cells) <= 2000
    assert cells.memory_usage(index=False).sum() < 60_000
    for name in report.by_parameter:
        for frame in (frames.error_map(report, name), *frames.gradient_maps(report, name)):
            assert len(frame) <= 2000
            assert frame.memory_usage(index=False).sum() < 60_000


def test_the_strip_shows_every_component_once_and_no_error_is_lost_in_a_bin():
    report = big_report()
    k = report.by_parameter["dense_2.W"].start + 777
    report.analytical[k] += 1.0
    cells = frames.strip(report).query("state != 'name'")
    assert (cells["last"] - cells["first"] + 1).sum() == report.analytical.size
    worst = cells.loc[cells["log_error"].idxmax()]
    assert worst["parameter"] == "dense_2.W"
    assert worst["first"] <= 777 <= worst["last"]
    cells = frames.error_map(report, "dense_2.W")
    worst = cells.loc[cells["log_error"].idxmax()]
    assert worst["row"] <= 777 // 32 < worst["row2"]
    assert worst["column"] <= 777 % 32 < worst["column2"]


def test_numbers_that_are_not_finite_draw_as_the_greatest_error():
    report = big_report()
    report.analytical[5] = np.nan
    report.analytical[-1] = np.inf
    cells = frames.strip(report).query("state != 'name'")
    assert np.isfinite(cells["log_error"]).all()
    assert cells["log_error"].iloc[0] == cells["log_error"].iloc[-1] == 0
    assert np.isfinite(frames.error_map(report, "dense_1.W")["log_error"]).all()
    assert np.isfinite(frames.gradient_maps(report, "dense_1.W")[0]["value"]).all()


@pytest.mark.parametrize("spec", [charts.strip(25_194), charts.error_map("dense_1.W", 64, 256), charts.gradient_map("a", "output.b", 1, 10)])
def test_axes_and_colours_do_not_move_with_the_data(spec):
    for layer in spec["layer"]:
        assert "data" not in layer
        for name in ("x", "y", "color"):
            channel = layer["encoding"].get(name, {"datum": 0})
            assert "datum" in channel or len(channel.get("scale", {}).get("domain", [])) >= 2 or name == "color"


# In a browser

@pytest.mark.browser
def test_a_teachers_link_opens_a_bug_and_the_right_answer_shows_its_line(new_server, tab):
    page = tab().open(f"{new_server().url}/gradient_checking?grad_part=Find+the+bug&grad_bug=7")
    expect(page.get_by_text("Found in this visit: 0 of 17")).to_be_visible()
    expect(page.get_by_text("dlogits = (onehot - p) / m")).to_have_count(0)
    page.get_by_text("The sign of the loss's gradient").click()
    expect(page.get_by_text("dlogits = (onehot - p) / m").first).to_be_visible()
    expect(page.get_by_text("Found in this visit: 1 of 17")).to_be_visible()
    page.get_by_role("button", name="Next bug").click()
    expect(page).to_have_url(re.compile("grad_bug=8"))
    assert page.locator("[data-testid='stException']").count() == 0


@pytest.mark.browser
def test_the_network_answers_while_a_slider_moves_and_its_link_tells_the_setting(new_server, tab):
    visitor = tab()
    page = visitor.open(f"{new_server().url}/gradient_checking")
    verdict = page.locator(".st-key-verdict")
    expect(verdict).to_contain_text("right in all 25,194 components")
    expect(page.get_by_role("img", name=re.compile("The vector of all 25,194 parameters")).or_(
        page.locator("[aria-label*='The vector of all 25,194 parameters']")).first).to_be_visible()
    page.locator(".st-key-grad_epsilon [role='slider'], .st-key-grad_epsilon input[type='range']").first.focus()
    page.keyboard.press("End")
    expect(page).to_have_url(re.compile("grad_epsilon=0.1"))
    expect(page.get_by_text("is too large for central differences").first).to_be_visible()
    page.get_by_role("button", name="Apply the fix").click()
    expect(verdict).to_contain_text("right in all 25,194 components")
    assert page.locator("[data-testid='stException']").count() == 0


@pytest.mark.browser
def test_a_caution_breaks_before_the_visitors_eyes(new_server, tab):
    page = tab().open(f"{new_server().url}/gradient_checking?grad_part=Cautions&grad_caution=One+sample")
    verdict = page.locator(".st-key-verdict")
    expect(verdict).to_contain_text("Graded wrong")
    page.get_by_text("Check with one image").click()
    expect(verdict).to_contain_text("Nothing was tested")
    expect(page).to_have_url(re.compile("grad_mistake=true"))

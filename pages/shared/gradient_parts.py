"""The Gradient checking page's parts: one curve, the V, find the bug, the cautions, and what they share."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from engine.datasets import load_digits
from engine.diagnosis import number as short
from engine.gradient_check import Cost, check_cost, check_gradients, structured
from engine.gradient_check import finite_differences as differences
from engine.gradient_check.cautions import CAUTIONS
from engine.gradient_check.explanation import explain
from engine.gradient_check.report import BANDS, GradientReport, band
from engine.gradient_check.zoo import BUGS, NUMBERED, choices, fingerprint, numbered
from engine.network import mlp
from pages.shared import charts_gradient_checking as charts
from pages.shared import frames_gradient_checking as frames
from pages.shared import layout, runs
from pages.shared.controls import GRAD, GRAD_FUNCTIONS, WORST
from pages.shared.theme import SUPERSCRIPT

state = st.session_state
NAMES = {"forward": "one-sided", "central": "two-sided", "complex": "complex"}
BOOK = (
    "The book reports mean differences of 1.4 × 10⁻⁷ for the last bias and 6 × 10⁻⁹ for its weights. They are not rounding: its loss is "
    "ln(p + 10⁻⁷), and backpropagation differentiates ln p. Its 2.4 × 10⁻⁵ and 1.8 × 10⁻⁶ in the first layer are one unit that "
    "stepped across ReLU's kink. With ln p itself and no kink, what remains is 10⁻¹³ to 10⁻¹⁰."
)
NEXT = {
    "curve": (
        "ε = 0.01 at θ = 1: the numbers of the lecture notes.",
        "θ² : the two-sided secant is exact at any ε. Why? (Its third derivative is 0.)",
        "max(0, θ) at θ = 0: which slope does each secant give?",
        "ε = 10⁻¹²: which of the two still has correct digits?",
    ),
    "v": (
        "Read off: the best ε of the two-sided difference in float64, and in float32.",
        "Why does the complex step have no left arm? It subtracts nothing.",
        "max(0, θ) at θ = 0: no ε helps at a kink.",
    ),
    "net": (
        "One image and batch norm: nothing is wrong, because nothing is tested.",
        "float32 with ε = 10⁻⁵: the same code, the same network, and no verdict.",
        "The complex step: agreement to the last digit.",
        "GELU, dropout, batch norm after the activation: the check needs no new code.",
    ),
    "bug": (
        "Before you answer: which is the last parameter, counted from the output, that is still right?",
        "A ratio that is the same number everywhere is a forgotten or doubled factor.",
        "To give a class one bug, share this page's link: it names the number only.",
    ),
    "cautions": (
        "Guess before you switch: will the check fail, pass, or say that it cannot tell?",
        "*One sample*: without the mistake, the bug is found. With it, the plain formula says right.",
        "*Cost*: why is a check a tool for debugging, and not for training?",
    ),
}
SOURCES = {
    "curve": (differences.derivative, differences.secants),
    "v": (differences.v_curve, differences.best_epsilon),
    "net": (check_gradients, structured.loss_changes),
    "bug": (numbered, check_gradients),
    "cautions": (check_gradients,),
}


def download(table: pd.DataFrame, name: str) -> None:
    layout.download(table, name)


# What the parts share


def show_strip(report: GradientReport) -> None:
    layout.show(
        st,
        charts.strip(report.analytical.size),
        f"The vector of all {report.analytical.size:,} parameters as a strip, coloured by the error of backpropagation against differences",
        frames.strip(report),
    )


def show_error_map(report: GradientReport, name: str) -> None:
    layout.show(
        st,
        charts.error_map(name, *shape(report, name)),
        f"Heat map of {name}: error of each component or block of components",
        frames.error_map(report, name),
    )


def shape(report: GradientReport, name: str) -> tuple[int, int]:
    """Rows and columns of a parameter; a vector is one row."""
    given = report.by_parameter[name].shape
    return given if len(given) == 2 else (1, *given)


def show_table(report: GradientReport) -> None:
    st.dataframe(frames.parameter_table(report), hide_index=True)
    download(frames.numbers(report), "gradients.csv")


def choose_parameter(report: GradientReport) -> str:
    """The parameter to draw: of this network's, or the worst."""
    present = (WORST, *report.by_parameter)
    if state.get("grad_parameter", WORST) not in present:
        state["grad_parameter"] = WORST
    chosen = replace(GRAD["parameter"], options=present).draw()
    if chosen != WORST:
        return chosen
    compared = [row for row in report.by_parameter.values() if row.grade != "vacuous"] or list(report.by_parameter.values())
    return max(compared, key=lambda row: np.inf if np.isnan(row.relative_error) else row.relative_error).name


def metric(report: GradientReport) -> None:
    """The one number, with what it is made of, and the bands that grade it."""
    a, b = np.linalg.norm(report.analytical), np.linalg.norm(report.numerical)
    difference = float(np.linalg.norm(report.analytical - report.numerical))
    if np.isfinite([a, b]).all():
        st.latex(
            r"\frac{\lVert a - b \rVert}{\lVert a \rVert + \lVert b \rVert} = "
            rf"\frac{{{layout.tex(difference)}}}{{{layout.tex(float(a))} + {layout.tex(float(b))}}} = "
            rf"{layout.tex(report.relative_error)}"
        )
    grades = ", ".join(f"{grade} up to 10{f'{np.log10(limit):.0f}'.translate(SUPERSCRIPT)}" for limit, grade in BANDS[:-1])
    st.caption(
        f"a: backpropagation, b: differences. Bands: {grades}, wrong above. By the number alone: {band(report.relative_error)}. "
        f"The grade, which leaves out kinks and rounding: {report.grade}."
    )


# One curve


def curve(v: dict) -> str:
    function, theta, step = v["function"], v["theta"], v["step"]
    name = GRAD_FUNCTIONS[function]
    points, lines, reach = frames.curve(function, theta, step)
    f = differences.FUNCTIONS[function].f
    ends = pd.DataFrame({"t": [theta - step, theta, theta + step], "y": [float(f(t)) for t in (theta - step, theta, theta + step)]})
    here = differences.secants(function, theta, [step])[0]
    rows = differences.secants(function, theta, [0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-7, 1e-9, 1e-11])
    layout.show(
        st,
        charts.curve(points, lines, ends, frames.SPAN, reach, name),
        f"The curve {name} with its tangent at {theta:g} and the one-sided and two-sided secants of step {step:g}",
    )
    if here.one_sided_error and here.two_sided_error:
        compared = f"off by {short(here.two_sided_error)} against {short(here.one_sided_error)}"
    else:
        compared = f"errors {short(here.two_sided_error)} and {short(here.one_sided_error)}"
    layout.verdict(
        f"At ε = {step:g} the two-sided secant has slope **{here.two_sided:.10g}**, the one-sided **{here.one_sided:.10g}**; "
        f"the tangent has {here.exact:.10g}: {compared}."
    )
    with st.container(width=layout.TEXT_WIDTH):
        places = rf"f({theta + step:.10g})-f({theta - step:.10g})"
        one_sided = layout.tex(abs(3 * theta * step + step**2))
        errors = (
            rf" \\ \text{{errors }} &\; \varepsilon^2 = {layout.tex(step**2)} \\ "
            rf"&\; |3\theta\varepsilon + \varepsilon^2| = {one_sided}"
        )
        st.latex(
            r"\begin{aligned} &\frac{f(\theta+\varepsilon)-f(\theta-\varepsilon)}{2\varepsilon} \\ "
            rf"= &\;\frac{{{places}}}{{2 \cdot {layout.tex(step)}}} = {here.two_sided:.10g}"
            + (errors if function == "cube" else "")
            + r"\end{aligned}"
        )
    table = pd.DataFrame(
        {
            "ε": [f"10{f'{np.log10(row.epsilon):.0f}'.translate(SUPERSCRIPT)}" for row in rows],
            "Two-sided": [f"{row.two_sided:.10g}" for row in rows],
            "Error of it": [short(row.two_sided_error) for row in rows],
            "One-sided": [f"{row.one_sided:.10g}" for row in rows],
            "Error of that": [short(row.one_sided_error) for row in rows],
        }
    )
    st.dataframe(table, hide_index=True)
    download(pd.DataFrame([row.__dict__ for row in rows]), "secants.csv")
    return f"""from engine import secants

for row in secants({function!r}, {theta!r}, [{step!r}]):
    print(f"exact {{row.exact:.10g}}  two-sided {{row.two_sided:.10g}}  one-sided {{row.one_sided:.10g}}")
"""


# The V


@st.cache_data(max_entries=50, show_spinner=False)
def v_curves(function: str, theta: float) -> list[differences.VCurve]:
    return [
        differences.v_curve(function, theta, scheme=scheme, dtype=dtype)
        for dtype in (np.float64, np.float32)
        for scheme in ("forward", "central", "complex")
    ]


def v(v: dict) -> str:
    curves = [replace(c, scheme=NAMES[c.scheme]) for c in v_curves(v["function"], v["theta"])]
    frame, table = frames.v_curves(curves, charts.V_LOW, charts.V_TOP), frames.v_table(curves)
    best = table.rename(columns={"best": "epsilon", "best_error": "error"}).drop(columns="order")
    best = best[(best["scheme"] != "complex") & np.isfinite(best["error"]) & (best["error"] > 0)]
    arms = []
    for c in curves[:2]:
        if np.isfinite(c.order):
            k = int(np.abs(np.log10(c.epsilons) + (6 if c.scheme == "one-sided" else 5)).argmin())
            arms.append((c.epsilons[k], max(c.errors[k], charts.V_LOW), f"slope {c.order:.2f}"))
    arms = pd.DataFrame(arms, columns=["epsilon", "error", "text"]).astype({"epsilon": float, "error": float, "text": str})
    name = GRAD_FUNCTIONS[v["function"]]
    layout.show(
        st,
        charts.v_chart(frame, best, arms),
        f"Error of the slope of {name} at {v['theta']:g} against the step, log-log, for three schemes in float64 and float32",
    )
    one, two, step = curves[:3]
    if np.isfinite([one.order, two.order]).all():
        said = (
            f"In float64 the two-sided difference is best at ε = **{short(two.best)}** with an error of {short(two.best_error)}, the one-sided at "
            f"**{short(one.best)}** with {short(one.best_error)}. Their right arms rise with slopes {two.order:.2f} and {one.order:.2f}. "
            f"The complex step reaches {short(step.best_error)} and has no left arm, because it subtracts nothing."
        )
    elif one.best_error > 1e-3:
        said = f"No ε helps: there is a kink within reach of θ = {v['theta']:g}, and the best error is {short(min(one.best_error, two.best_error))}."
    else:
        said = (
            f"The right arm is missing where the secant is exact: the two-sided difference has an error of {short(two.best_error)} at best, "
            f"the one-sided {short(one.best_error)}. Only rounding is left, and it wants a large ε."
        )
    layout.verdict(said)
    with st.container(width=layout.TEXT_WIDTH):
        u = np.finfo(float).eps
        for name, arm, power, best_step in (
            ("two-sided", r"\tfrac{1}{6}|f'''|\,\varepsilon^2", "1/3", u ** (1 / 3)),
            ("one-sided", r"\tfrac{1}{2}|f''|\,\varepsilon", "1/2", u**0.5),
        ):
            st.latex(
                rf"\begin{{aligned}} \text{{{name} error}} &\approx {arm} + \frac{{u}}{{\varepsilon}} \\ "
                rf"\text{{least near }} \varepsilon &= u^{{{power}}} = {layout.tex(best_step)} \end{{aligned}}"
            )
        st.caption(
            "u = 2.2 × 10⁻¹⁶ is float64's rounding. f(θ + ε) and f(θ − ε) agree in all but their last digits; the division by 2ε blows up "
            "what is lost there: the left arm, slope −1. float32 has u = 1.2 × 10⁻⁷: at ε = 10⁻⁸ nothing is left. "
            "Errors are root mean squares over 25 points around θ."
        )
    shown = table.assign(
        best=table["best"].map(short),
        best_error=table["best_error"].map(short),
        order=table["order"].map(lambda x: "–" if np.isnan(x) else f"{x:.3f}"),
    )
    st.dataframe(
        shown.rename(
            columns={"scheme": "Difference", "dtype": "Precision", "best": "Best ε", "best_error": "Error there", "order": "Slope of the right arm"}
        ),
        hide_index=True,
    )
    download(frame, "v.csv")
    return f"""import numpy as np
from engine import v_curve

for dtype in (np.float64, np.float32):
    for scheme in ("forward", "central", "complex"):
        v = v_curve({v["function"]!r}, {v["theta"]!r}, scheme=scheme, dtype=dtype)
        print(f"{{scheme}} {{v.dtype}}: best epsilon {{v.best:.3g}}, error {{v.best_error:.3g}}, slope {{v.order:.3f}}")
"""


def network_script(s: dict, data: str) -> str:
    built = ", ".join(f"{name}={s[name]!r}" for name in ("activation", "initializer", "gain", "sigma_b", "batch_norm", "dropout"))
    return f"""import numpy as np
from engine import Penalty, check_gradients, load_{data.lower()}, mlp
from engine.datasets import normalizer

data = load_{data.lower()}()
x, labels = normalizer("scale", data, np.float64)(data.x_train[:{s["samples"]}]), data.y_train[:{s["samples"]}]
network = mlp({s["sizes"]}, {built},
              rng=np.random.default_rng({s["seed"]}), dtype=np.float64)
report = check_gradients(network, x, labels, penalty={f"Penalty(l2={s['l2']!r})" if s["l2"] else None}, epsilon={s["epsilon"]!r},
                         scheme={s["scheme"]!r}, dtype=np.{s["precision"]})
print(f"relative error {{report.relative_error:.6g}}: {{report.grade}}")
for row in report.by_parameter.values():
    print(f"{{row.name}}  {{row.relative_error:.6g}}  {{row.grade}}")
"""


# Find the bug


@st.cache_resource(max_entries=len(NUMBERED), show_spinner=False)
def bug_report(number: int) -> tuple[GradientReport, list[str]]:
    e = numbered(number)
    return check_gradients(e.network, e.x, e.labels, penalty=e.penalty), choices(number)


def answer(number: int) -> None:
    given = state[f"grad_answer_{number}"]
    if given:
        state.setdefault("grad_answers", {}).setdefault(number, []).append(given)


def show_answer(number: int) -> None:
    state.setdefault("grad_answers", {}).setdefault(number, []).append(NUMBERED[number - 1])
    state.setdefault("grad_shown", set()).add(number)


def found() -> dict[int, int]:
    """Number of each bug that the visitor found without being shown, and how many tries it took."""
    answers, shown = state.get("grad_answers", {}), state.get("grad_shown", set())
    return {n: len(dict.fromkeys(given)) for n, given in sorted(answers.items()) if given[-1] == NUMBERED[n - 1] and n not in shown}


def go(number: int) -> None:
    state["grad_bug"] = number


def bug(v: dict) -> str:
    number = v["bug"]
    report, keys = bug_report(number)
    e = numbered(number)
    given = state.get("grad_answers", {}).get(number, [])
    done = bool(given) and given[-1] == e.bug.key
    show_strip(report)
    told = {"activation": "relu", **e.bug.settings, **({"L2 penalty": e.penalty.l2} if e.penalty else {})}
    options = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told.items())
    layout.verdict(f"{explain(report).text} The network: {options}.")
    maps, (left, right) = st.columns(2), st.columns(2)
    with right:
        name = choose_parameter(report)
        table = frames.parameter_table(report)
        table["Relative error"] = table["Relative error"].where(table["Grade"] != "vacuous", "0 on both sides")
        st.dataframe(table[["Parameter", "Relative error", "a ÷ b"]], hide_index=True)
    for column, cells, side in zip(maps, frames.gradient_maps(report, name), ("a: backpropagation", "b: differences"), strict=True):
        alt = f"Gradient of {name} by {side[3:]}, blue positive, orange negative"
        layout.show(column, charts.gradient_map(side, name, *shape(report, name)), alt, cells)
    with left:
        if given:
            state[f"grad_answer_{number}"] = given[-1]
        st.radio(
            "Which bug is it?",
            keys,
            index=None,
            format_func=lambda key: BUGS[key].title,
            key=f"grad_answer_{number}",
            on_change=answer,
            args=(number,),
            disabled=done,
        )
        if done:
            st.markdown(f"**{'Here it is' if number in state.get('grad_shown', set()) else 'Yes'}: {e.bug.title}.** It spoils {e.bug.fingerprint}.")
            st.code(f"{e.bug.wrong}\n{e.bug.right}   # as it should be", language="python")
            with st.expander("The bug's whole code"):
                st.code(layout.source(e.bug.kind), language="python")
        elif given:
            st.markdown(miss(e, given[-1], report))
    with st.container(horizontal=True):
        st.button("Next bug", on_click=go, args=(number % len(NUMBERED) + 1,), type="primary" if done else "secondary", key="grad_next")
        if not done:
            with st.popover("Hint"):
                st.markdown(e.bug.hint)
            st.button("Show me", on_click=show_answer, args=(number,), key="grad_show")
    yours = found()
    st.progress(
        len(yours) / len(NUMBERED),
        f"Found in this visit: {len(yours)} of {len(NUMBERED)}" + (f" (numbers {', '.join(map(str, yours))})" if yours else ""),
    )
    download(frames.numbers(report), f"bug_{number}.csv")
    return f"""from engine import check_gradients, numbered

exercise = numbered({number})   # exercise.bug tells, once you have an answer
report = check_gradients(exercise.network, exercise.x, exercise.labels, penalty=exercise.penalty)
print(f"relative error {{report.relative_error:.6g}}: {{report.grade}}")
for row in report.by_parameter.values():
    print(f"{{row.name}}  {{row.relative_error:.6g}}  {{row.factor:.6g}}")
"""


def miss(e, key: str, report: GradientReport) -> str:
    """What the bug that was named would have spoiled, beside what is wrong here."""
    would, wrong = fingerprint(e.correct, key), {row.name for row in report.by_parameter.values() if row.grade in ("wrong", "suspicious", "fair")}
    extra, missing = sorted(would - wrong), sorted(wrong - would)
    if extra:
        return f"Not that one: it would also spoil {', '.join(extra)}, which {'is' if len(extra) == 1 else 'are'} right here."
    if missing:
        return f"Not that one: it would leave {', '.join(missing)} right."
    return "Not that one, though it would spoil the same parameters. Look at the ratio, and at the pattern inside a parameter."


# Cautions


@st.cache_resource(max_entries=2 * len(CAUTIONS), show_spinner=False)
def caution_report(key: str, mistake: bool) -> GradientReport:
    return CAUTIONS[key].check(mistake)


def mistake_of(key: str) -> str:
    return CAUTIONS[key].mistake if key in CAUTIONS else GRAD["mistake"].label


def cautions(v: dict) -> str:
    if v["caution"] == "cost":
        return cost()
    caution = CAUTIONS[v["caution"]]
    report = caution_report(caution.key, v["mistake"])
    show_strip(report)
    layout.verdict((f"{caution.happens} " if v["mistake"] else f"{caution.rule} ") + explain(report, 1 if caution.key == "one_sample" else 16).text)
    show_table(report)
    with st.container(width=layout.TEXT_WIDTH):
        metric(report)
        for warning in report.warnings:
            st.caption(warning[0].upper() + warning[1:])
    return f"""from engine import CAUTIONS

report = CAUTIONS[{caution.key!r}].check(mistake={v["mistake"]})
print(f"relative error {{report.relative_error:.6g}}: {{report.grade}}")
for row in report.by_parameter.values():
    print(f"{{row.name}}  {{row.relative_error:.6g}}  {{row.grade}}")
"""


COST = """import numpy as np
from engine import check_cost, load_digits, mlp

data = load_digits()
network = mlp((64, 256, 32, 10), rng=np.random.default_rng(0), dtype=np.float64)
cost = check_cost(network, data.x_train[:16] / 16, data.y_train[:16])
print(f"{cost.parameters} parameters: backpropagation {1e3 * cost.backprop_seconds:.2g} ms, "
      f"all slopes {cost.structured_ratio:.0f} times that, the plain loop {cost.loop_ratio:.0f} times")
"""


def measure_cost() -> None:
    """What the script `COST` does."""
    data = load_digits()
    network = mlp((64, 256, 32, 10), rng=np.random.default_rng(0), dtype=np.float64)
    with runs.place():
        state["grad_cost"] = check_cost(network, data.x_train[:16] / 16, data.y_train[:16])


def cost() -> str:
    """One backpropagation against the check of every component, timed when asked."""
    st.button("Measure on this machine, now", on_click=measure_cost, type="primary", key="grad_measure")
    got: Cost | None = state.get("grad_cost")
    if got:
        st.dataframe(
            pd.DataFrame(
                {
                    "What": ["Backpropagation", "All slopes, by structure", "All slopes, plain loop of 2P forward passes"],
                    "Time": [
                        f"{s:.1f} s" if s >= 1 else f"{1e3 * s:.2g} ms" for s in (got.backprop_seconds, got.structured_seconds, got.loop_seconds)
                    ],
                    "× backpropagation": [f"{r:,.0f}" for r in (1, got.structured_ratio, got.loop_ratio)],
                }
            ),
            hide_index=True,
        )
        layout.verdict(
            f"For {got.parameters:,} parameters the plain loop costs **{got.loop_ratio:,.0f}** backpropagations, "
            f"and this page's way **{got.structured_ratio:,.0f}**. "
            "Either is far too much for each step of training: check while you debug, then switch the check off."
        )
    else:
        layout.verdict(
            "Backpropagation gives all slopes for about the price of two forward passes; differences want two passes for each parameter. "
            "Press the button to see the ratio."
        )
    with st.container(width=layout.TEXT_WIDTH):
        st.latex(r"\frac{\text{loop}}{\text{backpropagation}} \approx \frac{2P}{2\text{ to }3} \qquad P = 25194")
    return COST

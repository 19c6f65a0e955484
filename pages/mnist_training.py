"""MNIST training: which choices reach real handwriting, and which never do?"""

import math

import streamlit as st

import engine  # noqa: F401  (first: see pages/shared/router.py)
from engine import training
from engine.datasets import Dataset
from engine.initializers import INITIALIZERS
from pages.shared import charts, frames, layout, runs
from pages.shared.controls import ALL, HALF_DECADES, MNIST
from pages.shared.router import ensure_routed
from pages.shared.runs import TrainingRun, TrainingSettings

ensure_routed()
state = st.session_state


def draw_controls() -> tuple[TrainingSettings, float]:
    with st.sidebar:
        layout.preset_menu("mnist_training")
        value = {name: MNIST[name].draw() for name in ("data", "depth", "width", "activation", "initializer")}
        st.caption(f"${INITIALIZERS[value['initializer']].formula}$ — {INITIALIZERS[value['initializer']].source}")
        value |= {name: MNIST[name].draw() for name in ("optimizer", "rate", "batch_norm")}
        with st.expander("Regularise"):
            value |= {name: MNIST[name].draw() for name in ("dropout", "l1", "l2", "images")}
        with st.expander("More"):
            value |= {name: MNIST[name].draw() for name in ("gain", "input_norm", "schedule", "batch", "epochs", "normalize", "seed")}
    layout.link_notes(MNIST)
    rate = value.pop("rate")
    return TrainingSettings(**value), rate


def forget_run() -> None:
    """Start over with the settings of the sidebar; what the old run reached stays in the list."""
    run = state.pop("mnist_run", None)
    if run and run.evaluations:
        state["mnist_earlier"] = [*state.get("mnist_earlier", []), runs.run_record(run)][-8:]


def new_seed() -> None:
    forget_run()
    state["mnist_seed"] = (state["mnist_seed"] + 1) % 10_000


def current_run(settings: TrainingSettings, data: Dataset, rate: float) -> TrainingRun:
    run = state.get("mnist_run")
    outdated = run is not None and (run.settings != settings or run.full_data is not data)
    if outdated and run.status in ("ready", "finished"):
        forget_run()
    if state.get("mnist_run") is None:
        state["mnist_run"] = TrainingRun(settings, data, rate)
    elif outdated:
        st.info("The settings have changed. This run keeps its own; **Reset** starts with the new ones.")
    state["mnist_run"].set_rate(rate)
    return state["mnist_run"]


def one_step(run: TrainingRun) -> None:
    run.pause()
    if run.status == "ready":
        run.status = "paused"
    run.advance(0)


def live(run: TrainingRun) -> None:
    """The part that ticks while a run goes on."""
    frame = frames.training_curves(run.batches, run.evaluations, charts.LOSS_FLOOR)
    for column, measure in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        layout.show(
            column,
            charts.training_curve(measure, run.settings.epochs, run.data.classes),
            f"{measure.capitalize()} by epoch: each batch, the training images, the test images",
            frame,
        )
    layout.progress_line(run, run.latest.step if run.latest else 0, run.steps, pace(run))
    if run.evaluations:
        layout.verdict(judge(run).text)
        look_inside(run)
    else:
        layout.verdict(
            "Press **Start**. The pale line is each step's batch; after every epoch all images are read, those for training and for testing."
        )


def judge(run: TrainingRun) -> training.Verdict:
    return training.judge(run.latest, run.evaluations[-1][1], run.network, run.optimizer)


def pace(run: TrainingRun) -> str:
    if not run.latest:
        return f"{run.network.theta.size:,} parameters, {run.steps:,} steps to go"
    left = (run.steps - run.latest.step) * run.seconds / run.latest.step  # of work
    return f"Step {run.latest.step:,} of {run.steps:,} · {run.images / max(run.image_seconds, 1e-9):,.0f} images/s · " + (
        f"{left:.0f} s of work left" if left >= 1 else f"{run.seconds:.1f} s of work"
    )


def fix_of(verdict: training.Verdict) -> dict:
    """The engine's cure in terms of this page's controls."""
    fix = dict(verdict.fix)
    if "images" in fix:
        fix["images"] = ALL
    if "learning_rate" in fix:
        wanted = fix.pop("learning_rate") * 1.001
        fix["rate"] = max((rate for rate in HALF_DECADES if rate <= wanted), default=HALF_DECADES[0])
    return {f"mnist_{name}": value for name, value in fix.items() if state[f"mnist_{name}"] != value}


def look_inside(run: TrainingRun) -> None:
    if run.pictures_of != len(run.evaluations):
        run.pictures_of, run.pictures = len(run.evaluations), frames.inside(run.network, run.data, run.inspection)
    mistakes, weights = run.pictures
    left, right = st.columns(2)
    alt = "Confusion matrix of the test images: true digit by answer"
    layout.show(left, charts.confusion(), alt, frames.confusion(run.inspection))
    right.markdown(
        "**First layer's weights**", help="One tile a unit, as the pixels see it. Blue adds, orange subtracts; each tile has its own scale."
    )
    right.image(weights, width="stretch", alt="Incoming weights of the first layer's units as small pictures, blue positive, orange negative")
    st.markdown(f"**Surest mistakes** among {len(run.data.y_test):,} test images" if mistakes else "**No mistakes** among the test images.")
    with st.container(horizontal=True):
        for picture, said in mistakes:
            st.image(picture, caption=said, width=84, alt=f"Test digit, {said}")


layout.question("What makes a deep network learn real handwriting?")
settings, rate = draw_controls()
data = layout.dataset(settings.data)
run = current_run(settings, data, rate)
done = run.status == "finished"
with st.container(horizontal=True, key="mnist_buttons"):
    going = run.status == "running"
    st.button("Pause" if going else "Start", on_click=run.press, args=(going,), type="primary", disabled=done, key="mnist_start")
    st.button("Step", on_click=one_step, args=(run,), disabled=done, help="Train on one batch.", key="mnist_step")
    st.button("Reset", on_click=forget_run, help="The same first weights again, with the settings of the sidebar.", key="mnist_reset")
    st.button("New seed", on_click=new_seed, help="Other first weights and another order of images.", key="mnist_reseed")
    if run.evaluations and run.status != "running":
        layout.fix_button(fix_of(judge(run)), forget_run)
if run.batch_size < settings.batch:
    st.caption(f"Batch size {settings.batch:,} is more than the {len(run.data.y_train):,} training images: every step uses all of them.")
layout.live(run, live)

earlier = state.get("mnist_earlier", [])
if earlier:
    st.header("Earlier runs of this visit", anchor=False)
    st.dataframe(
        frames.earlier_runs(earlier),
        hide_index=True,
        column_config={
            "Test accuracy by epoch": st.column_config.LineChartColumn(y_min=0, y_max=1),
            **{name: st.column_config.NumberColumn(format="%.4f") for name in ("Train accuracy", "Test accuracy", "Test loss")},
        },
    )

st.header("The formulas, with these numbers", anchor=False)
with st.container(width=layout.TEXT_WIDTH):
    m, classes = run.batch_size, run.data.classes
    st.latex(
        rf"J = -\frac{{1}}{{{m}}} \sum_{{i=1}}^{{{m}}} \ln p_i[\text{{label}}_i]"
        + (rf" + {layout.tex(run.settings.l1)} \sum |w|" if run.settings.l1 else "")
        + (rf" + \frac{{{layout.tex(run.settings.l2)}}}{{2}} \sum w^2" if run.settings.l2 else "")
    )
    st.latex(rf"\text{{guessing: }} J = \ln {classes} = {math.log(classes):.4f}")
    st.latex(rf"\theta \in \mathbb{{R}}^{{{run.network.theta.size}}} \qquad \eta = {layout.tex(rate)}")
layout.try_next(
    (
        "*Weights too small* and *He* in the experiment menu: same network, same data, one factor of difference.",
        "*Sigmoid, five layers*: the rule of the lecture notes never learns; a gain of 4, or batch norm, does.",
        "Ten hidden layers with SGD at 0.1, then the same with batch norm.",
        "20 training images: how fast does the network learn them by heart, and what does the test curve do?",
    )
)
layout.run_it_yourself(runs.training_script(run), training.train)

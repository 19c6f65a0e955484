"""The parts of the Activations page that train: dying ReLU and the ranking."""

from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st

from engine.activations import as_activation
from engine.studies import dying, ranking
from pages.shared import charts_activations as charts
from pages.shared import frames_activations as frames
from pages.shared import layout, runs
from pages.shared import scripts_activations as scripts
from pages.shared.activations_parts import NAMES, Reading, listed, members_of, signed, some_of
from pages.shared.controls import ACT, title
from pages.shared.presets import link_to
from pages.shared.runs_activations import BIASES, RATES, RankingRun, RankingSettings, SweepRun, SweepSettings

state = st.session_state
PER_EPOCH = 23  # steps of the dying network: 1,437 images in batches of 64


@st.cache_data(max_entries=100, show_spinner="Training …")
@runs.place()
def watch(key: str, options: tuple, rate: float, bias: float, depth: int, seed: int) -> list[dying.Watch]:
    return dying.watch_units(as_activation(key, **dict(options)), learning_rate=rate, bias=bias, depth=depth, seed=seed)


def dying_part(v: Mapping) -> Reading:
    members = members_of(some_of(v["rivals"], ACT["rivals"].default), v)
    rate, bias, depth, seed = (v[name] for name in ("rate", "bias", "dying_depth", "dying_seed"))
    looks = {title(key): watch(key, options, rate, bias, depth, seed) for key, options in members}
    over, layers = frames.dying(looks, PER_EPOCH)
    left, right = st.columns(2)
    layout.show(left, charts.switched_off(over, 12, NAMES), f"Units that no image switches on, while {listed(list(looks))} train")
    layout.show(right, charts.switched_off_by_layer(layers, NAMES), "The same share by layer at the end of training")
    ends = {name: watches[-1] for name, watches in looks.items()}
    words = [f"**{name}** {100 * w.off.mean():.0f} % off, {100 * w.accuracy:.0f} % read correctly" for name, w in ends.items()]
    text = f"η = {rate:g}, first bias {signed(bias)}. At the end: {'; '.join(words)}. "
    dead = {name: w.dead.mean() for name, w in ends.items() if w.dead.mean() > 0.2}
    fix = {}
    if dead:
        name = max(dead, key=dead.get)
        start = looks[name][0].off.mean()
        cause = "they were off before the first step: the bias is too low" if start > 0.2 else "the steps were too large"
        text += f"{100 * dead[name]:.0f} % of {name}'s units are dead for good, slope 0 on every image, and {cause}."
        fix = {"act_bias": 0.0} if start > 0.2 else {"act_rate": 0.001}
    steps = [w.step for watches in looks.values() for w in watches]
    names = [name for name, watches in looks.items() for _ in watches]
    numbers = pd.DataFrame({"activation": names, "step": steps, "off": over["off"], "dead": over["dead"], "accuracy": over["accuracy"]})
    return Reading(
        [
            r"z \le 0 \text{ on every image} \;\Rightarrow\; \mathrm{ReLU}'(z) = 0 \;\Rightarrow\; "
            r"\frac{\partial J}{\partial w} = 0 \text{ for ever}",
            r"\text{leaky ReLU: } \varphi'(z) = " + layout.tex(dict(members_of(["leaky_relu"], v)[0][1]).get("alpha", 0.01)) + r" \text{ for } z < 0",
        ],
        (
            f"[Too low a bias]({link_to('act_dying')}) against [too large a step]({link_to('act_dying_step')}): the same death by two roads.",
            "ReLU with a first bias of 0 and η = 0.03: how many of the accuracy's points do the dead units cost?",
            "Ten layers: why do the deep ones go first?",
        ),
        scripts.dying(members, rate, bias, depth, seed),
        (dying.watch_units, dying.sweep),
        numbers,
        text,
        fix,
    )


def after_dying(v: Mapping) -> None:
    """The same against learning rate and bias: some sixty trainings, when asked for."""
    st.header("Against learning rate and bias", anchor=False)
    members = members_of(some_of(v["rivals"], ACT["rivals"].default), v)
    settings = SweepSettings(members, v["rate"], v["bias"], v["dying_depth"], v["dying_seed"])
    run = current_run("act_sweep", SweepRun, settings)
    buttons("act_sweep", run, f"{run.steps} trainings: {len(RATES)} learning rates and {len(BIASES)} biases for each activation.")
    layout.live(run, live_sweep)


def live_sweep(run: SweepRun) -> None:
    layout.progress_line(run, run.done, run.steps, f"{run.done} of {run.steps} trainings")
    if not run.by_rate:
        return
    for column, by, points, here in zip(
        st.columns(2), ("rate", "bias"), (run.by_rate, run.by_bias), (run.settings.rate, run.settings.bias), strict=True
    ):
        layout.show(
            column,
            charts.swept(by, here, tuple(title(key) for key, _ in run.settings.members), NAMES),
            f"Units switched off at the end of training, against the {'learning rate' if by == 'rate' else 'first bias'}",
            frames.swept([(title(p.activation), p) for p in points]),
        )


def ranking_part(v: Mapping) -> Reading:
    members = members_of(some_of(v["set"], ACT["set"].default), v)
    settings = RankingSettings(members, v["rank_depth"], v["rank_width"], v["rank_epochs"], v["rank_rate"], v["rank_seeds"])
    run = current_run("act_ranking", RankingRun, settings)
    s = run.settings
    buttons(
        "act_ranking",
        run,
        f"64 – {s.width} × {s.depth} – 10 on the digits, Adam, {s.epochs} epochs, {s.seeds} seed{'s' * (s.seeds > 1)}; "
        "each activation with its own initializer.",
    )
    layout.live(run, live_ranking)
    first, second = (r" > ".join(rf"\text{{{title(key)}}}" for key in half) for half in (ranking.CLAIM[:3], ranking.CLAIM[3:]))
    return Reading(
        [rf"\begin{{aligned}}\text{{The textbooks claim }} &{first} \\ > {{}} &{second}\end{{aligned}}"],
        (
            "5 layers, then 20, then 50: at which depth does the order begin to matter?",
            "All twelve activations, identity among them: what does a network without any bend reach?",
            "One seed, twice as many epochs: would you publish that order?",
        ),
        scripts.ranking(s),
        (ranking.ranking, ranking.agreement),
        frames.finals({title(key): values for key, values in run.finals.items()})[["activation", "seed", "accuracy"]],
    )


def live_ranking(run: RankingRun) -> None:
    shown = [title(key) for key, _ in run.settings.members]
    reached = {title(key): values for key, values in run.finals.items()}
    standings = frames.standings(reached)
    trained = sum(map(len, run.finals.values()))
    layout.progress_line(run, run.done, run.steps, f"{trained} of {run.trainings} trainings, {run.seconds:.0f} s of work")
    if not trained:
        layout.verdict("Press **Start**: the same network and digits for each activation, one seed after the other.")
        return
    left, right = st.columns(2)
    order = [*standings["activation"], *(name for name in shown if name not in reached)]
    layout.show(
        left, charts.ranking(tuple(order)), "Test accuracy of each activation after the same budget, one point a seed", frames.finals(reached)
    )
    history = frames.learning([(title(key), *rest) for key, *rest in run.history])
    layout.show(right, charts.learning(run.settings.epochs, tuple(shown), NAMES), "Test accuracy by epoch for each activation", history)
    words = [f"{name} {100 * middle:.0f} %" for name, middle in zip(standings["activation"], standings["middle"], strict=True)]
    held = ranking.agreement(run.finals)
    pairs = held.confirmed + held.contradicted + held.undecided
    text = f"Measured at {run.settings.depth} layers: **{' · '.join(words)}**. "
    if pairs and run.settings.seeds > 1:
        text += (
            f"Of the claim's {pairs} pair{'s' * (pairs > 1)}, {held.confirmed} as claimed, {held.contradicted} the other way round, "
            f"{held.undecided} undecided: their seeds overlap."
        )
    layout.verdict(text + ("" if run.status == "finished" else " Not all trainings are done."))


def current_run(key: str, make: Callable, settings: object) -> runs.Run:
    """This visit's run; a new one for new settings, unless the old one is under way."""
    run = state.get(key)
    if run is None or (run.settings != settings and run.status in ("ready", "finished")):
        run = state[key] = make(settings)
    elif run.settings != settings:
        st.info("The settings have changed. This run keeps its own; **Reset** starts with the new ones.")
    return run


def buttons(key: str, run: runs.Run, about: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Pause" if run.status == "running" else "Start",
            on_click=run.press,
            args=(run.status == "running",),
            type="primary",
            disabled=run.status == "finished",
            key=f"{key}_start",
        )
        st.button(
            "Reset", on_click=lambda: state.pop(key, None), key=f"{key}_reset", help="Forget the results and begin again with the sidebar's settings."
        )
        st.caption(about)

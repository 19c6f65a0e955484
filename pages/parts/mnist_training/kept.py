"""What becomes of a run that is over: it trains further, or is kept beside the others of its visit, to look at and to take away."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from pages.parts.mnist_training import looks
from pages.parts.mnist_training.common import ALL, RATE, TABLE, VARY_EPOCHS, shape, typed
from pages.shared import encodings, layout, link
from pages.shared.encodings import drawn, tips
from pages.shared.theme import HALF

SHOWN = "_mnist_shown"  # of the session: the numbers of the runs in the picture, and under a second key the same with the newest run so far
MOST = len(looks.HUES)  # of them at once
LOSSES = (1e-3, 30.0)
COURSE = ("epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy")


@dataclass(frozen=True)
class Kept:
    """What stays of a run: `settings` as the controls name them, and a course (evaluations, 5), whose columns are `COURSE`."""

    number: int
    settings: dict[str, Any]
    course: np.ndarray
    parameters: int
    steps: int
    seconds: float

    @property
    def best(self) -> int:
        """The row of the course that read the most test images, the first of such."""
        return int(self.course[:, 4].argmax())


def kept(run: Any) -> Kept | None:
    """Of a run that has read all images at least once; `run.number` is its number in this visit."""
    if not run.evaluations:
        return None
    rates = " → ".join(f"{rate:g}" for rate in run.rates.values())
    settings = {"data": run.data.name, **{name: value for name, value in vars(run.settings).items() if name != "data"}, "rate": rates}
    settings |= {"hidden": shape(run.settings.hidden), "images": len(run.data.y_train), "batch": run.batch_size}
    course = np.array([(epoch, *asdict(e).values()) for epoch, e in run.evaluations], np.float32)
    return Kept(run.number, settings, course, run.parameters, run.latest.step, round(run.seconds, 2))


def label(name: str) -> str:
    return "Hidden layers" if name == "hidden" else TABLE[name].label


def said(name: str, value: Any) -> str:
    return value if name in ("data", "hidden", "rate") else f"{value:,}" if name == "images" else TABLE[name].show(value)


def differing(runs: Sequence[Kept]) -> list[str]:
    """Names of the settings in which these runs differ."""
    return [name for name in runs[0].settings if len({repr(run.settings[name]) for run in runs}) > 1]


def named(runs: Sequence[Kept], longest: int = 30) -> tuple[str, ...]:
    """A name for each: its number, and as much as there is room for of what sets it apart from the others."""

    def text(run: Kept, name: str) -> str:
        value = said(name, run.settings[name])
        return f"{label(name).lower()} {value}" if value[0].isdigit() and name != "hidden" else value  # a bare number says nothing

    names = differing(runs)
    texts = [f"{run.number}: {', '.join(text(run, name) for name in names)}" if names else f"{run.number}" for run in runs]
    return tuple(text if len(text) <= longest else text[: longest - 1] + "…" for text in texts)


def table(runs: Sequence[Kept]) -> pd.DataFrame:
    """A row for each run: the settings in which they differ, and what it reached."""
    names = differing(runs)
    rows = []
    for run in runs:
        best, last = run.course[run.best], run.course[-1]
        rows.append({"Run": run.number, **{label(name): said(name, run.settings[name]) for name in names}, "Best test accuracy": best[4], "at epoch": best[0],
                     "Last train accuracy": last[2], "Last test accuracy": last[4], "Steps": run.steps, "Work (s)": run.seconds})
    return pd.DataFrame(rows)


def as_csv(runs: Sequence[Kept]) -> str:
    """A row for each run, with all its settings; units stand in the header."""
    rows = [{"run": run.number, **run.settings, "parameters": run.parameters, "steps": run.steps, "work (s)": run.seconds,
             **{f"best {name} ({unit})": run.course[run.best][i] for i, (name, unit) in ((4, ("test accuracy", "share")), (0, ("test accuracy at", "epochs")))},
             **{f"last {COURSE[i].replace('_', ' ')} ({'nats' if i % 2 else 'share'})": run.course[-1][i] for i in range(1, 5)}} for run in runs]
    return pd.DataFrame(rows).rename(columns={"data": "dataset", "rate": "learning rate", "hidden": "hidden layers"}).to_csv(index=False)


def as_json(runs: Sequence[Kept]) -> str:
    """All settings and evaluations; what is no finite number is null."""
    def number(x: float) -> float | None:
        return float(f"{x:.7g}") if np.isfinite(x) else None

    found = [{"run": run.number, "settings": run.settings, "parameters": run.parameters, "steps": run.steps, "work_seconds": run.seconds,
              "units": "losses in nats, accuracies as shares, epochs as passes over the training images",
              "evaluations": [dict(zip(COURSE, map(number, row), strict=True)) for row in run.course]} for run in runs]
    return json.dumps(found, indent=1, ensure_ascii=False)


def courses(runs: Sequence[Kept], names: Sequence[str]) -> pd.DataFrame:
    """Columns name and those of `COURSE`; a loss without a place on a log axis is where the line leaves it."""
    parts = [pd.DataFrame(run.course, columns=list(COURSE)).assign(name=name) for run, name in zip(runs, names, strict=True)]
    frame = pd.concat(parts, ignore_index=True)
    for column in ("train_loss", "test_loss"):
        frame[column] = frame[column].fillna(np.inf).clip(*LOSSES)
    return frame


def ends(frame: pd.DataFrame, which: str, floor: float) -> pd.DataFrame:
    """Columns name, at: where the name of each line stands, at its end but apart from the others."""
    last = frame.groupby("name", sort=False).tail(1)
    return pd.DataFrame({"name": last["name"], "at": looks.apart(last[which].to_numpy(float), *(LOSSES if which == "test_loss" else (floor, 1)), log=which == "test_loss")})


@drawn
def overlay(frame: pd.DataFrame, words: pd.DataFrame, which: str, names: tuple[str, ...], until: float, floor: float, few: bool) -> alt.LayerChart:
    """Test loss or accuracy (from a floor on) by epoch, a line for each run with its name at its end; the training images' as a thin line."""
    x = looks.until(alt.X, "epoch", "Epoch", until, names)

    def y(field: str) -> alt.Y:
        if which == "test_accuracy":
            return encodings.share(field, "Accuracy", floor)
        return encodings.number(alt.Y, field, "Loss J (log)", domain=LOSSES, log=True, clamp=True, ticks=(-3, -2, -1, 0, 1))

    base = alt.Chart(frame).encode(x=x, color=looks.hue("name", names, names, legend=False))
    tip = tips(("name", "Run"), ("epoch", "Epoch", ".3~g"), ("test_accuracy", "Test accuracy", ".2%"), ("test_loss", "Test loss", ".3~g"))
    head = "Accuracy of the kept runs" if which == "test_accuracy" else "Loss of the kept runs"
    return alt.layer(
        base.mark_line(strokeWidth=1, opacity=0.5, clip=True).encode(y=y(which.replace("test", "train"))),
        base.mark_line(strokeWidth=2.5, clip=True).encode(y=y(which), strokeDash=looks.dash("name", names, names, legend=False), tooltip=tip),
        base.mark_point(clip=True, opacity=0.7 if few else 0).encode(y=y(which), tooltip=tip),
        *looks.at_the_end(words, y("at"), names),
        height=HALF, title=alt.Title(head, subtitle="Thick: the test images. Thin: the training images."))


def show(runs: Sequence[Kept]) -> None:
    """The chosen ones on one pair of charts, all of them in a table, and as files."""
    state, numbers = st.session_state, [run.number for run in runs]
    newest, before = state.get(f"{SHOWN}_before", (0, []))
    chosen = [number for number in state.get(SHOWN, before) if number in numbers] + [number for number in numbers[-4:] if number > newest]
    state[SHOWN] = chosen[-MOST:]
    st.header("Kept runs", anchor=False)
    by_number = dict(zip(numbers, named(runs, 60), strict=True))

    def name(number: int) -> str:
        return by_number.get(number, str(number))  # Streamlit may ask for one that is in the picture no more, and takes text only

    picked = st.multiselect("Runs in the picture", numbers[::-1], format_func=name, max_selections=MOST, key=SHOWN)
    state[f"{SHOWN}_before"] = numbers[-1], picked
    if drawn_ones := [run for run in runs if run.number in picked]:
        names = named(drawn_ones)
        frame, until = courses(drawn_ones, names), max(float(run.course[-1, 0]) for run in drawn_ones)
        floor, few = encodings.floor_of(min(float(run.course[-1, 4]) for run in drawn_ones)), max(len(run.course) for run in drawn_ones) <= looks.FEW
        for column, which in zip(st.columns(2, vertical_alignment="bottom"), ("test_loss", "test_accuracy"), strict=True):
            heard = f"{which.replace('_', ' ').capitalize()} by epoch of the runs {', '.join(names)}"
            layout.show(column, overlay(frame, ends(frame, which, floor), which, names, until, floor, few), heard)
    share = st.column_config.NumberColumn(format="percent")
    config = dict.fromkeys(("Best test accuracy", "Last train accuracy", "Last test accuracy"), share) | {"at epoch": st.column_config.NumberColumn(format="%.3g")}
    st.dataframe(table(runs)[::-1], hide_index=True, column_config=config, key="mnist_kept_table")
    if again := [run.number for run in runs[::-1] if settings_again(run)]:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            number = st.selectbox("Is it luck? A run, with other seeds", again, format_func=name, key="mnist_again_run", width=420)
            offer_again(next(run for run in runs if run.number == number), "mnist_again_kept")
    with st.container(horizontal=True):
        st.download_button("All settings as CSV", lambda: as_csv(runs), "runs.csv", "text/csv", on_click="ignore")
        st.download_button("Settings and curves as JSON", lambda: as_json(runs), "runs.json", "application/json", on_click="ignore")


def settings_again(run: Kept) -> dict[str, Any]:
    """Keys of controls and their values: the part Compare with the settings of a run, over seeds. Empty where its learning rate was changed on the way."""
    if "→" in run.settings["rate"]:
        return {}
    widths = typed(run.settings["hidden"].replace("–", ", ")) or ()
    alike = len(set(widths)) == 1 and widths[0] in TABLE["width"].options
    wanted = {"layers": "", "depth": len(widths)} | ({"width": widths[0]} if alike else {}) if alike or not widths else {"layers": ", ".join(map(str, widths))}
    wanted |= {name: run.settings[name] for name in run.settings if name not in ("hidden", "seed", "epochs", "rate")}
    wanted |= {"data": run.settings["data"].lower(), "images": run.settings["images"] if run.settings["images"] in TABLE["images"].options else ALL}
    wanted["batch"] = next(rung for rung in TABLE["batch"].options if rung >= run.settings["batch"])  # fewer images than that make one batch
    return {"mnist_part": "compare", "mnist_vary": "seed", RATE.key: RATE.take(float(run.settings["rate"])),
            VARY_EPOCHS.key: VARY_EPOCHS.take(run.settings["epochs"]), **{TABLE[name].key: value for name, value in wanted.items()}}


def offer_again(run: Kept, key: str) -> None:
    """A button that trains the settings of a run over seeds."""
    where = "The part Compare trains these settings from seeds 0, 1, 2 …, on at most 5,000 images and for at most 20 epochs."
    st.button("Repeat over seeds", on_click=link.put, args=(settings_again(run),), help=where, key=key)


def offer_further(run: Any, settings: Any) -> None:
    """Beside the buttons of a finished run whose settings stand in the sidebar, but for the learning rate and for more epochs."""
    done = run.settings.epochs
    if run.status != "finished" or replace(settings, epochs=done) != run.settings or not run.goes_on:
        return
    epochs = next((more for more in TABLE["epochs"].options if more > done), 0) if settings.epochs == done else settings.epochs

    def go_on() -> None:
        link.put({TABLE["epochs"].key: epochs})
        run.further(epochs)

    if epochs > done:
        goes_on = "It goes on from where it stands, as if it had been longer from the beginning."
        st.button(f"Train further, to {epochs} epochs", on_click=go_on, help=goes_on, key=f"mnist_run_further_{epochs}")

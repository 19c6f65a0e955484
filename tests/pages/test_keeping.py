"""A kept network in the part on one's own digit: opened, read, closed; what is refused leaves everything as it was."""

import base64
import io

import numpy as np
import pytest

from engine import load_digits, mlp
from engine.studies.kept import About, pack
from pages.parts.mnist_training import PAGE, keeping
from pages.parts.mnist_training.run import TrainingRun, TrainingSettings
from pages.shared.control import Values
from tests.pages import golden
from tests.pages.helpers import open_part, verdict_of

pytestmark = pytest.mark.usefixtures("without_mnist")
DIGITS = load_digits()
OWN, TRAINING = PAGE.part("own"), {control.name: control.default for control in PAGE.part("training").all_controls}


def trained(**changed) -> TrainingRun:
    v = Values(**TRAINING | {"width": 20, "epochs": 1} | changed)
    run = TrainingRun(TrainingSettings.of(v, DIGITS), DIGITS, v.rate)
    for _ in range(60):
        run.advance(0)
    return run


def sent(file: bytes) -> str:
    return base64.b64encode(file).decode()


def test_the_network_of_a_run_is_kept_opened_reads_the_same_and_is_closed(monkeypatch, tmp_path):
    run = trained(activation="tanh", batch_norm="before", normalize="standardize", images=300)
    app = open_part(PAGE, OWN)
    app.session_state["mnist_run"] = run
    app.run()
    before = verdict_of(app)
    assert [button.label for button in app.get("download_button")].count("Keep this network as a file") == 1
    file = pack(run.network, keeping.about_of(run))
    app = open_part(PAGE, OWN)
    state = {}
    monkeypatch.setattr(keeping.st, "session_state", state)
    assert keeping.take(sent(file)) == ""
    monkeypatch.undo()
    app.session_state[keeping.OPENED] = state[keeping.OPENED]
    app.run()
    assert any("Read by the network that you opened" in caption.value for caption in app.caption)
    assert verdict_of(app) == before
    (tmp_path / "network.npz").write_bytes(file)
    monkeypatch.chdir(tmp_path)
    printed = [float(line.split()[1]) for line in golden.printed(golden.script_of(app)).splitlines() if line[:1].isdigit()]
    assert np.sum(printed) == pytest.approx(1, abs=1e-3)
    app.button(key="mnist_close").click().run()
    assert not app.exception
    assert any("Read by a small network" in caption.value for caption in app.caption)


@pytest.mark.parametrize(("what", "why"), [
    (None, "more than 4 MB"), (7, "more than 4 MB"), ("A" * 9_000_000, "more than 4 MB"), ("é", "damaged"), ("!", "damaged"),
    ("AAAA", "no kept network"), (sent(b"PK\x03\x04" + bytes(300)), "no kept network")])
def test_what_is_refused_leaves_the_session_as_it_was(monkeypatch, what, why):
    state = {keeping.OPENED: "what was open"}
    monkeypatch.setattr(keeping.st, "session_state", state)
    assert why in keeping.take(what)
    assert state == {keeping.OPENED: "what was open"}


def test_a_network_of_mnist_is_refused_where_mnist_is_not(monkeypatch):
    monkeypatch.setattr(keeping.st, "session_state", {})
    network = mlp((784, 10), rng=np.random.default_rng(0))
    assert "not on this server" in keeping.take(sent(pack(network, About("MNIST", 60_000, "scale", (), "relu"))))


def test_a_refusal_is_said_once_and_a_foreign_npz_is_one():
    app = open_part(PAGE, OWN)
    app.session_state[keeping.REFUSED] = "the file is damaged"
    app.run()
    assert [warning.value for warning in app.warning] == ["This file was not opened: the file is damaged."]
    assert not app.run().warning
    stream = io.BytesIO()
    np.savez(stream, x=np.zeros(3))
    assert keeping.take(sent(stream.getvalue())) == "the file holds arrays that no kept network has"

"""Your own digit: what is drawn or handed in, by whom it is read, and files that mean harm."""

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from engine import load_digits
from engine.studies.own_digit import as_in, read
from pages.parts.mnist_training import PAGE, drawing, own
from pages.parts.mnist_training.run import TrainingRun, TrainingSettings
from pages.shared.control import Values
from tests.pages import golden
from tests.pages.helpers import open_part, verdict_of

DIGITS = load_digits()
TRAINING = {control.name: control.default for control in PAGE.part("training").all_controls}


@pytest.fixture(autouse=True)
def without_mnist(monkeypatch):
    monkeypatch.setenv("MNIST_DIR", "/nowhere")


def file_of(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def a_seven(mode: str = "L", side: int = 120) -> Image.Image:
    grey = np.full((side, side), 235, np.uint8)
    grey[side // 6:side // 3, side // 4:3 * side // 4] = 30
    grey[side // 6:5 * side // 6, 5 * side // 8:3 * side // 4] = 30
    return Image.fromarray(grey).convert(mode, dither=Image.Dither.NONE)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + b"".join(chunks) + chunk(b"IEND", b"")


def text_bomb() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("bomb", "a" * 80_000_000, zip=True)
    return file_of(a_seven(), pnginfo=info)


@pytest.mark.parametrize(("kind", "mode", "options"), [
    ("PNG", "L", {}), ("PNG", "RGB", {}), ("PNG", "RGBA", {}), ("PNG", "P", {}), ("PNG", "1", {}),
    ("JPEG", "L", {}), ("JPEG", "RGB", {"quality": 40}), ("JPEG", "CMYK", {}),
])
def test_pictures_of_every_usual_kind_show_the_same_digit(kind, mode, options):
    expected = as_in(DIGITS, drawing.picture_ink(file_of(a_seven())))
    found = as_in(DIGITS, drawing.picture_ink(file_of(a_seven(mode), kind, **options)))
    assert np.abs(found.astype(int) - expected).max() <= 2   # of 16


def test_a_transparent_background_is_paper():
    image = a_seven("RGBA")
    image.putalpha(Image.fromarray(255 - np.asarray(a_seven("L"))))
    assert drawing.picture_ink(file_of(image)).mean() < 0.3


@pytest.mark.parametrize(("make", "said"), [
    (lambda: b"", "not a PNG or JPEG"),
    (lambda: b"\x00" * 5000, "not a PNG or JPEG"),
    (lambda: b"<svg onload=alert(1)>", "not a PNG or JPEG"),
    (lambda: file_of(a_seven("RGB"), "GIF"), "not a PNG or JPEG"),
    (lambda: file_of(a_seven("RGB"), "TIFF"), "not a PNG or JPEG"),
    (lambda: file_of(a_seven(), "PNG")[:150], "not a PNG or JPEG"),
    (lambda: file_of(a_seven(), "JPEG")[:300], "not a PNG or JPEG"),
    (lambda: png(8, 8, chunk(b"IDAT", b"not zlib")), "not a PNG or JPEG"),
    (lambda: png(0, 8, chunk(b"IDAT", zlib.compress(b""))), "not a PNG or JPEG"),
    (text_bomb, "not a PNG or JPEG"),
    (lambda: png(9_000, 9_000, chunk(b"IDAT", zlib.compress(bytes(100)))), "more than 4,000,000 pixels"),
    (lambda: png(60_000, 60_000, chunk(b"IDAT", zlib.compress(bytes(100)))), "not a PNG or JPEG"),   # Pillow's own bound
    (lambda: file_of(Image.new("L", (2001, 2000), 255)), "more than 4,000,000 pixels"),
    (lambda: b"\x89PNG" + bytes(1_000_000), "more than 1,000 kB"),
    (lambda: file_of(Image.new("L", (50, 50), 200)), "stands out"),
])
def test_a_picture_that_is_none_or_too_large_or_empty_is_refused_with_one_sentence(make, said):
    with pytest.raises(ValueError, match=said) as refused:
        drawing.picture_ink(make())
    assert "Error" not in str(refused.value)
    assert len(str(refused.value)) < 90


@pytest.mark.parametrize("sent", ["", "!", "é", "A" * 9000, "AAAA\n" * 100,
                                  *(base64.b64encode(bytes(n)).decode() for n in (10, 84 * 84))])
def test_what_is_no_drawing_is_none(sent):
    assert drawing.drawn_ink(sent) is None


def drawn(image: np.ndarray) -> str:
    """A test image as the canvas would send it."""
    ink = np.zeros((84, 84), np.uint8)
    ink[2:82, 2:82] = np.kron(image.reshape(8, 8), np.ones((10, 10))) * 255 / 16
    return base64.b64encode(ink.tobytes()).decode()


def open_own(**state):
    """The part as a visitor has it whose session holds this already."""
    app = open_part(PAGE, PAGE.part("own"))
    for key, value in state.items():
        app.session_state[key] = value
    return app.run()


def test_a_drawing_is_read_instead_of_the_test_image_and_stays_while_the_visitor_is_elsewhere():
    index = 11
    app = open_own(mnist_canvas_kept=drawn(DIGITS.x_test[index]))
    assert not app.exception
    assert f"Your drawing: read as a **{DIGITS.y_test[index]}**" in verdict_of(app)
    before = verdict_of(app)
    app.session_state["mnist_part"] = "paths"
    app.run()
    app.session_state["mnist_part"] = "own"
    assert verdict_of(app.run()) == before


def test_what_a_hostile_browser_sends_changes_nothing():
    usual = verdict_of(open_own())
    for sent in ("A" * 12_000, "<script>", base64.b64encode(b"x" * 7055).decode()):
        app = open_own(mnist_canvas_kept=sent)
        assert not app.exception
        assert verdict_of(app) == usual


def test_a_picture_is_read_and_a_bad_one_is_refused_in_the_page_and_nothing_is_lost():
    app = open_own()
    app = app.file_uploader[0].set_value(("seven.png", file_of(a_seven()), "image/png")).run()
    assert "Your picture: read as" in verdict_of(app)
    app.session_state["mnist_canvas_kept"] = drawn(DIGITS.x_test[11])
    assert "Your drawing: read as" in verdict_of(app.run())   # a drawing comes first
    app.session_state["mnist_canvas_kept"] = ""
    app = app.file_uploader[0].set_value(("seven.png", b"no picture", "image/png")).run()
    assert [warning.value for warning in app.warning] == [drawing.UNREADABLE]
    assert "Test image 0" in verdict_of(app)
    assert not app.exception


def own_run(steps: int, **changed) -> TrainingRun:
    v = Values(**TRAINING | {"width": 20, "epochs": 2} | changed)
    run = TrainingRun(TrainingSettings.of(v, DIGITS), DIGITS, v.rate)
    for _ in range(steps):
        run.advance(0)
    return run


@pytest.mark.parametrize("steps", [1, 60, 90])   # before its first look at the test images, between two, after the last
def test_the_run_of_this_visit_reads_and_the_script_repeats_it(steps):
    run = own_run(steps, activation="tanh", batch_norm="before", normalize="standardize")
    app = open_own(mnist_run=run)
    assert any(f"Read by your run after {min(steps, run.steps):,} steps" in caption.value for caption in app.caption)
    expected = read(run.network, DIGITS, DIGITS.x_test[0], "standardize").probabilities
    printed = [line.split() for line in golden.printed(golden.script_of(app)).splitlines() if line[:1].isdigit()]
    assert [float(p) for _, p in printed] == pytest.approx(expected, rel=2e-3)
    assert f"read as a **{expected.argmax()}**" in verdict_of(app)


def test_a_run_that_is_closed_or_has_not_begun_leaves_the_small_network():
    for run in (own_run(0), own_run(3)):
        if run.latest:
            run.close()
        app = open_own(mnist_run=run)
        assert not app.exception
        assert any("Read by a small network" in caption.value for caption in app.caption)


def test_without_a_hidden_layer_there_is_no_picture_of_units():
    run = own_run(5, depth=0)
    app = open_own(mnist_run=run)
    assert not app.exception
    assert "Units that fired" not in verdict_of(app)
    assert not len(own.units(read(run.network, DIGITS, DIGITS.x_test[0])))

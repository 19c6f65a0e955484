"""What a hostile browser can say: links, widget messages and uploads that no page of ours would send. Seeded.

The server goes on, writes no traceback, renders nothing from outside but as plain text, and nobody else's run changes.
"""

import contextlib
import random
import re
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl, quote

import pytest

from benchmarks.client import OPENER, ROOT, VALUES, Visitor, state
from pages.parts import PAGES
from pages.shared import link

EVIL = "evil.example"
FOREIGN = re.compile(r'streamlit/(elements/widgets|runtime/state)/[\w/]+\.py", line \d+, in '
                     r'(deserialize|unpack_widget_state_value|get_serialized|filtered_state)')
TEXTS = (
    f"[Sign in](http://{EVIL}/a)", f"![x](http://{EVIL}/b.png)", f"<img src=//{EVIL}/c>", f"<script src=//{EVIL}/d></script>",
    f"http://{EVIL}", f"www.{EVIL}", f"$\\href{{http://{EVIL}}}{{x}}$", "nan", "inf", "-inf", "1e999", "-0", "1e-400", "--5", "0x10", "1_000",
    "\u0663", "\uff19", "", " ", "\x00", "\u202e", "💥" * 50, "9" * 5000, "a" * 20_000, "None", "[]", "{}", "__class__", "../../etc/passwd",
    ":material/home:", "%00", "%s%n", "true", "all", "best", ",", ",,,", "100,100,",
)
FIELDS = ("string_value", "double_value", "int_value", "bool_value", "trigger_value", "string_trigger_value", "json_value", "bytes_value",
          "string_array_value", "double_array_value", "int_array_value")   # fmt: skip
CONTROLS = [(page, control) for page in PAGES.values() for control in page.controls]


def hostile(rng: random.Random) -> str:
    text = rng.choice(TEXTS)
    return text + rng.choice(TEXTS) if rng.random() < 0.2 else text


def hostile_link(rng: random.Random) -> str:
    page = rng.choice(list(PAGES.values()))
    part = rng.choice(page.parts)
    settings = {control.key: hostile(rng) for control in rng.sample(part.all_controls, min(len(part.all_controls), rng.randint(1, 4)))}
    if rng.random() < 0.3:
        settings[rng.choice(("mnist_run", "embed", "x" * 500, "mnist_seed[]"))] = hostile(rng)
    query = "&".join(f"{quote(key)}={quote(value)}" for key, value in settings.items())
    return f"{page.stem}?{quote(page.part_control.key)}={part.key}&{query}"[:8000]


def hostile_state(rng: random.Random, known: list[str]):
    field = rng.choice(FIELDS)
    numbers = (0, 1, -1, 2**31, -(2**62), 10**15)
    fractions = (float("nan"), float("inf"), -1e308, 0.5, 1e15)
    one = {"string": lambda: hostile(rng), "double": lambda: rng.choice(fractions), "int": lambda: rng.choice(numbers),
           "bool": lambda: rng.random() < 0.5, "trigger": lambda: True, "json": lambda: rng.choice(("{", "null", "[1e999]", '{"a":' * 50)),
           "bytes": lambda: bytes(rng.randrange(256) for _ in range(50))}
    if field == "string_trigger_value":
        return None
    value = one[field.split("_")[0]]
    widget = rng.choice(known) if rng.random() < 0.8 else rng.choice(("", "nobody", "$$ID-0-mnist_seed", "x" * 5000))
    return state(widget, field, [value() for _ in range(rng.choice((0, 1, 2, 2000)))] if field.endswith("array_value") else value())


def rendered(visitor: Visitor) -> list[str]:
    """Every text that the page shows as Markdown or HTML."""
    return [getattr(proto, "body", "") for _, proto, _, _ in visitor.elements.values() if proto is not None and hasattr(proto, "body")]


def assert_plain(visitor: Visitor) -> None:
    for body in rendered(visitor):
        assert not re.search(rf"\]\([^)]*{EVIL}", re.sub(r"\\.", "", body)), body
        assert f"http://{EVIL}" not in body, body   # what is written out becomes a link by itself


def tracebacks(log: str) -> list[str]:
    """The end of each traceback that passes through a file of ours.

    Streamlit's own code raises where a widget gets a value of another type, or has no name (no browser sends such): an error in
    the session of whoever did so, and in the log.
    """
    parts = re.findall(r"Traceback.*?(?=\n\d{4}-|\Z)", log, re.S)
    ours = re.compile(rf'File "{ROOT}/(pages|engine|streamlit_app)')
    return sorted({part.strip()[-400:] for part in parts if ours.search(part) and not FOREIGN.search(part)})


def found(witness: Visitor) -> list[str]:
    return sorted(line for line in witness.text().splitlines() if "epoch" in line.lower())


def attack(server, seed: int, links: int, messages: int, end: float) -> tuple[int, int]:
    """One hostile visitor after the other; ten bursts of ten messages from each, as long as messages are left."""
    rng, opened, sent = random.Random(seed), 0, 0
    while (opened < links or sent < messages) and time.monotonic() < end:
        one = Visitor(server.url, hostile_link(rng))
        opened += 1
        assert_plain(one)
        if sent < messages:
            for _ in range(10):
                states = [made for _ in range(10) if (made := hostile_state(rng, [*one.states, *(proto.id for _, proto in one.widgets().values())]))]
                one.query = hostile_link(rng).partition("?")[2] if rng.random() < 0.2 else one.query
                one.send(*states, fragment=rng.choice(("", "", "", "nobody", "x" * 300)))
                sent += len(states)
            one.states = {}
            one.rerun()   # the same session still answers
            assert_plain(one)
        one.vanish()
    return opened, sent


def hammer(server, links: int, messages: int, seconds: float, visitors: int = 1) -> tuple[int, int]:
    """So many hostile links and messages, shared by so many visitors at a time, while somebody else has a run."""
    end, log = time.monotonic() + seconds, len(server.log.read_text())
    witness = Visitor(server.url, "mnist_training?mnist_epochs=1")
    witness.press("mnist_run_start")
    while "mnist_run_pause" in witness.widgets() or "after 1 epoch" not in witness.text().lower():
        witness.watch(0.3)
    witness.rerun()
    before = found(witness)
    with ThreadPoolExecutor(visitors) as pool:
        attacks = [pool.submit(attack, server, 12 + i, links // visitors, messages // visitors, end) for i in range(visitors)]
    opened, sent = (sum(numbers) for numbers in zip(*(one.result() for one in attacks), strict=True))
    witness.rerun()
    assert found(witness) == before
    assert server.process.poll() is None
    assert tracebacks(server.log.read_text()[log:]) == []
    return opened, sent


def test_hostile_links_and_messages_end_in_no_traceback_and_touch_nobody_else(server):
    opened, sent = hammer(server, 8, 400, 20)
    assert opened >= 3
    assert sent >= 100


@pytest.mark.slow
@pytest.mark.long
def test_ten_thousand_hostile_links_and_as_many_messages(server, monkeypatch):
    monkeypatch.setattr(Visitor, "patience", 600.0)   # some links ask for whole trainings, and four ask at once
    opened, sent = hammer(server, 10_000, 10_000, 3600, visitors=4)
    assert min(opened, sent) >= 10_000


def test_ten_thousand_hostile_values_are_refused_or_something_that_the_control_can_be_set_to():
    rng = random.Random(12)
    for _ in range(10_000):
        _, control = rng.choice(CONTROLS)
        text = hostile(rng)
        value = control.read([text])
        if value is not None:
            assert control.read([control.write(value)]) == value, (control.key, text)
        shown = link.plain_text(text)
        assert len(re.sub(r"\\(.)", r"\1", shown)) <= link.SHOWN
        assert not re.search(r"(?<!\\)[\[\]()<>*_`$:.]", shown)


@pytest.mark.parametrize("path", [
    "_stcore/upload_file/nobody/x", "_stcore/upload_file/../../x", "media/nobody.png", "component/../../etc/passwd", "app/static/../../x"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
def test_there_is_nothing_to_upload_to_and_nothing_to_fetch(server, path, method):
    asked = urllib.request.Request(f"{server.url}/{path}", data=b"x" * 1000 if method in ("PUT", "POST") else None, method=method)
    with contextlib.suppress(urllib.error.HTTPError):
        answer = OPENER.open(asked, timeout=20)   # where it is not refused, it is the app's own page, as for any address
        assert b"<title>Streamlit</title>" in answer.read()
    assert server.process.poll() is None


def test_nobody_can_leave_a_file_in_the_servers_memory(server):
    """Streamlit takes uploads for any living session, and keeps them, whether or not a page asks for files."""
    one = Visitor(server.url, "mnist_training")
    cookie = OPENER.open(server.url + "/_stcore/health", timeout=20).headers["Set-Cookie"]
    token = re.search(r"_streamlit_xsrf=([^;]+)", cookie).group(1)
    form = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n' + bytes(1000) + b"\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b", "X-Xsrftoken": token, "Cookie": f"_streamlit_xsrf={token}"}
    asked = urllib.request.Request(f"{server.url}/_stcore/upload_file/{one.session}/x", data=form, method="PUT", headers=headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        OPENER.open(asked, timeout=20)
    assert refused.value.code == 413


@pytest.mark.parametrize(("page", "key", "field", "value"), [
    ("mnist_training", "mnist_depth", "double_array_value", [1e9]), ("mnist_training", "mnist_depth", "double_array_value", [float("nan")]),
    ("mnist_training", "mnist_width", "string_array_value", ["1000000"]), ("mnist_training", "mnist_seed", "double_value", 1e15),
    ("mnist_training", "mnist_optimizer", "string_value", f"![x](http://{EVIL}/b.png)"),
    ("initialization?init_part=deep", "init_depth", "double_array_value", [1e9]),
    ("initialization?init_part=chain", "init_part", "string_array_value", []),
])
def test_a_message_cannot_ask_for_more_than_the_control_can(server, page, key, field, value):
    one = Visitor(server.url, page)
    log = len(server.log.read_text())
    one.rerun(state(one.widgets()[key][1].id, field, value), timeout=30)
    one.rerun()   # what was sent in the first one counts in the second
    control = next(control for _, control in CONTROLS if control.key == key)
    texts = dict(parse_qsl(one.query)).get(key, control.write(control.default))
    assert control.read([texts]) is not None, texts   # what the page writes into its link, it can be set to
    assert_plain(one)
    assert tracebacks(server.log.read_text()[log:]) == []


def test_every_kind_of_control_is_known_to_the_fuzz(server):
    kinds = {kind for page in ("mnist_training", "gradient_checking?gc_part=network", "activations?act_part=ranking")
             for kind, _ in Visitor(server.url, page).widgets().values()}
    assert kinds <= {*VALUES, "button"}
    assert len(kinds) >= 4

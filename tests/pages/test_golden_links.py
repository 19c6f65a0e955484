"""Links that people have shared, in the form in which they were written: the same controls, numbers and script output, whatever moves.

`golden.json` was recorded from the app in which every link carried labels. A link that no longer gives
what it gave is a broken promise; where a number changes on purpose, its entry changes with the reason.
"""

import json

import pytest

from tests.pages import golden

LINKS = json.loads(golden.RECORD.read_text(encoding="utf-8"))


@pytest.mark.parametrize("entry", LINKS, ids=[entry["link"][:80] for entry in LINKS])
def test_an_old_link_gives_the_same_controls_numbers_and_script(entry, monkeypatch):
    monkeypatch.setenv("MNIST_DIR", "/nowhere")
    app = golden.open_link(entry["link"])
    assert not app.exception
    assert len(app.warning) == entry["warned"]
    kept = app.session_state["_kept"]
    assert {key: kept.get(key) for key in entry["controls"]} == entry["controls"]
    assert golden.missing(entry["columns"], golden.columns(app)) == []
    script = golden.script_of(app)
    if entry["printed"]:
        assert golden.differs(entry["printed"], golden.shortened(golden.printed(script))) == ""
    else:   # it trains for a minute, or prints times of this machine: its text is what can be compared
        assert golden.settings_of(script)
        assert golden.settings_of(script) == golden.settings_of(entry["script"])

"""One file that needs NumPy alone: what is in it, in which order, and what is refused."""

import json
import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

from engine.standalone import inlined, notebook, standalone
from engine.statements import renamed, statements
from tests.conftest import ROOT
from tests.reference import bare

SCRIPT = """import numpy as np
from engine import load_digits, mlp

data = load_digits()
network = mlp((64, 5, 10), rng=np.random.default_rng(0))
print(data.x_test.sum(), network.theta.size, f"{network.theta.std():.6g}")
"""


def test_a_file_prints_what_its_script_prints_where_there_is_nothing_but_numpy(tmp_path):
    from engine import load_digits, mlp
    network = mlp((64, 5, 10), rng=np.random.default_rng(0))
    expected = f"{load_digits().x_test.sum()} {network.theta.size} {network.theta.std():.6g}\n"
    assert bare(standalone(SCRIPT), tmp_path) == expected
    cells = [cell for cell in json.loads(notebook(SCRIPT))["cells"] if cell["cell_type"] == "code"]
    assert bare("\n".join("".join(cell["source"]) for cell in cells), tmp_path) == expected


def test_the_bare_interpreter_of_these_tests_has_no_engine_and_no_pandas(tmp_path):
    for name in ("engine", "pandas", "streamlit", "pooch"):
        with pytest.raises(subprocess.CalledProcessError) as error:
            bare(f"import {name}", tmp_path)
        assert "ModuleNotFoundError" in error.value.stderr


def test_a_file_holds_what_is_reached_and_no_more_in_the_order_of_the_engine():
    text = standalone("from engine.studies.input_scaling import features\n\nprint(features(10))\n")
    assert "def features" in text
    assert "def valley" not in text
    assert "import engine" not in text
    assert "from engine" not in text
    text = standalone(SCRIPT)
    places = [text.index(f"# {'-' * 20} engine/{name}.py") for name in ("activations", "layers", "network")]
    assert places == sorted(places)
    assert text.count("Array = np.ndarray\n") == 1
    assert "def propagate" not in text


def test_a_module_that_is_used_by_its_own_name_keeps_it(tmp_path):
    script = "from engine import mean_field\n\nprint(f\"{mean_field.chi(1.0, 1.0, 'relu'):.3f}\")\n"
    assert "mean_field = SimpleNamespace(chi=chi)" in standalone(script)
    assert bare(standalone(script), tmp_path) == "0.500\n"


def test_definitions_that_share_a_name_get_two_and_the_script_keeps_its_own(tmp_path):
    script = """from engine import exercise
from engine.gradient_check.report import judge
from engine.judgement import judge as of_a_run

numbered, number = exercise("wrong_sign"), 5
print(numbered.bug.title, number, judge.__doc__ == of_a_run.__doc__, of_a_run.__name__)
"""
    assert bare(standalone(script), tmp_path) == "The sign of the loss's gradient 5 False judge_of_judgement\n"
    text = standalone(script)
    assert "def number_of_verdict(" in text
    assert not re.search(r"(?<![\w.])number\(", text)


def test_names_are_changed_where_they_are_the_modules_and_nowhere_else():
    text = 'def f(x):\n    return g(x, h=1).g + len(f"{g(x)} g {x.g}") + h["g"]\n'
    assert renamed(text, {"g": "G", "h": "H"}) == 'def f(x):\n    return G(x, h=1).g + len(f"{G(x)} g {x.g}") + H["g"]\n'
    with pytest.raises(ValueError, match="a name that is changed means one thing, got x in def f"):
        renamed(text, {"x": "y"})


@pytest.mark.parametrize(("script", "sentence"), [
    ("from engine import mlp\n\nmlp = mlp\n", "a name of a script means one thing, got mlp"),
    ("print(mlp)\n", "a script must import what it uses, got mlp in the script"),
])
def test_a_script_in_which_a_name_means_two_things_or_nothing_is_refused(script, sentence):
    with pytest.raises(ValueError, match=sentence):
        standalone(script)


def test_statements_are_cut_where_they_begin_with_their_comments_and_decorators():
    source = ('"""Doc."""\n\nimport os   # why\n\n# above\nA = (1,\n2)\n\n\n@cache\n@other(A)\ndef f(x):\n    return x + B\n\n# of g\n\n\n'
              "try:\n    C = 1\nexcept E:\n    C = 2\nelse:\n    pass\n")
    found = statements(source)
    assert [one.text.splitlines()[0] for one in found] == ['"""Doc."""', "import os   # why", "# above", "@cache", "try:"]
    assert [sorted(one.defines) for one in found] == [[], ["os"], ["A"], ["f"], ["C"]]
    assert sorted(found[3].uses) == ["A", "B", "cache", "other"]


def test_files_are_made_by_threads_at_once_without_the_parser_that_they_must_not_share(monkeypatch):
    monkeypatch.setattr("ast.parse", None)
    made, expected = [], inlined(SCRIPT)
    threads = [threading.Thread(target=lambda: made.append(inlined(SCRIPT))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [expected] * 4


def test_the_tool_makes_a_file_from_the_command_line(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "engine.standalone", str(tmp_path / "script.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1"}, check=True)
    assert done.stdout == standalone(SCRIPT)

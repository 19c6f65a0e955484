"""Who may import whom: parsed from the source, so that a shortcut is seen on the day it is taken."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HELP = {"normal", "parameters", "mnist"}   # each serves one or two modules of the library
LIBRARY = {"activations", "initializers", "layers", "losses", "network", "optimizers", "progress", "judgement", "training", "datasets"} | HELP
RANDOM_NETWORKS = {"propagation", "passes", "together", "measures", "mean_field", "diagnosis"}
BASE = {"activations", "initializers", "losses", "datasets", "measures"} | HELP
MAY_REACH = {   # engine module or package: the others that it may lean on, also by way of modules that are not listed here
    "verdict": set(),
    "words": set(),
    "statements": set(),
    "standalone": {"statements"},
    "slips": LIBRARY | RANDOM_NETWORKS | {"verdict", "words", "gradient_check", "studies"},
    **{name: set() for name in BASE},
    "activations": {"normal"},
    "datasets": {"mnist"},
    "layers": BASE,
    "network": BASE | {"layers"},
    "optimizers": BASE | {"layers", "network"},
    "progress": set(),
    "judgement": BASE | {"layers", "network", "optimizers", "progress", "verdict", "words"},
    "training": BASE | {"layers", "network", "optimizers", "progress", "judgement", "verdict", "words"},
    "passes": BASE | {"layers", "network"},
    "propagation": BASE | {"layers", "network", "passes"},
    "mean_field": {"activations", "normal"},
    "together": BASE | {"layers", "network", "propagation"},
    "diagnosis": BASE | {"layers", "network", "passes", "propagation", "together", "mean_field", "verdict", "words"},
    "gradient_check": LIBRARY | RANDOM_NETWORKS | {"verdict", "words"},
    "studies": LIBRARY | RANDOM_NETWORKS | {"verdict", "words"},
}


def modules(folder, pattern="*.py"):
    return sorted((ROOT / folder).glob(pattern)) if (ROOT / folder).is_dir() else []


def names(path):
    """Every imported name, spelled out: `from engine.gradient_check import bugs` counts as that module; imports inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively: spell the package out"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages(path):
    return {name.partition(".")[0] for name in names(path)}


def engine_modules(unit=""):
    """Every module of the engine, nested ones too, by its dotted name; of one module or package of it, if that is named."""
    paths = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
             for path in sorted((ROOT / "engine").rglob("*.py"))}
    return {name: path for name, path in paths.items() if not unit or f"{name}.".startswith(f"engine.{unit}.")}


def engine_neighbours(path):
    """Modules of the engine that a file imports, by their dotted names; not the packages that they are taken from."""
    found = names(path) & set(engine_modules())
    return {name for name in found if not any(other.startswith(f"{name}.") for other in found)} - {"engine"}


def engine_reached(found, stop=()):
    """What these modules import, and what those import in turn, but no further than through the units in `stop`."""
    seen, new = set(), set(found)
    while new:
        new = {name for module in new for name in engine_neighbours(engine_modules()[module])} - seen
        seen |= new
        new = {name for name in new if unit(name) not in stop}
    return seen


def unit(name):
    """The module or package right below `engine` in which a module lives."""
    return name.split(".")[1]


def page_modules():
    """Every module under pages/, by its dotted name."""
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in sorted((ROOT / "pages").rglob("*.py"))}


def page_neighbours(path):
    """Modules under pages/ that a file imports; not the packages that they are taken from."""
    found = names(path) & set(page_modules())
    return {name for name in found if not any(other.startswith(f"{name}.") for other in found)}


def lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


ENGINE = [pytest.param(path, id=name) for name, path in engine_modules().items()]
MODULES = page_modules()
SCRIPTS = [pytest.param(path, id=name) for name, path in MODULES.items() if name.count(".") == 1 and path.name != "__init__.py"]
SHARED = [pytest.param(path, id=name) for name, path in MODULES.items() if name.startswith("pages.shared")]
PARTS = [pytest.param(name, path, id=name) for name, path in MODULES.items() if name.count(".") == 3 and path.name != "__init__.py"]


def test_the_parser_sees_imports_of_every_kind(tmp_path):
    source = "import os.path\nfrom engine.gradient_check import bugs\nfrom engine.layers import Dense\ndef f():\n    import pandas as pd\n"
    (tmp_path / "m.py").write_text(source)
    assert {"os.path", "engine.gradient_check.bugs", "engine.layers", "pandas"} <= names(tmp_path / "m.py")


@pytest.mark.parametrize("path", ENGINE)
def test_the_engine_knows_numpy_the_standard_library_and_no_screen(path):
    allowed = {"engine", "numpy", *sys.stdlib_module_names} | ({"pooch"} if path.name == "mnist.py" else set())
    assert packages(path) <= allowed


def test_every_engine_module_has_a_place():
    assert {unit(name) for name in engine_modules() if name != "engine"} <= set(MAY_REACH)
    assert all((ROOT / "engine" / package / "__init__.py").is_file() for package in ("gradient_check", "studies"))


@pytest.mark.parametrize("name", sorted(MAY_REACH))
def test_engine_modules_lean_only_on_those_below_them(name):
    reached = {unit(found) for found in engine_reached(engine_modules(name), stop=set(MAY_REACH) - {name})}
    assert reached & set(MAY_REACH) - {name} <= MAY_REACH[name]


@pytest.mark.parametrize("name", [name for name, path in engine_modules().items() if path.name != "__init__.py"])
def test_engine_modules_do_not_import_each_other_in_a_circle(name):
    assert name not in engine_reached({name})


@pytest.mark.parametrize("path", [path for path in ENGINE if path.values[0].name != "__init__.py"])
def test_engine_modules_import_from_the_module_that_defines_a_name_and_not_from_the_package(path):
    of_the_engine = [name for name in names(path) if name.startswith("engine.")]
    defining = {name for name, file in engine_modules().items() if file.name != "__init__.py"}
    assert all(any(f"{name}.".startswith(f"{module}.") or module.rpartition(".")[0] == name for module in defining) for name in of_the_engine)


@pytest.mark.parametrize("path", ENGINE)
def test_the_engine_neither_prints_nor_uses_global_randomness_or_global_state(path):
    generators = {"default_rng", "Generator", "SeedSequence", "BitGenerator", "PCG64"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.Global), f"line {node.lineno}: global"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "input"), f"line {node.lineno}: {node.func.id}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "random":
            assert node.attr in generators, f"line {node.lineno}: np.random.{node.attr}"
    assert not names(path) & {"random", "logging", "numpy.random.seed"}


def test_every_module_under_pages_has_a_place():
    """A script, something that pages share, a page's table of contents, or a part of it."""
    for name, path in MODULES.items():
        room = path.relative_to(ROOT / "pages").parts[:-1]
        assert room in ((), ("shared",), ("parts",)) or (len(room) == 2 and room[0] == "parts"), name
        assert len(room) != 2 or (ROOT / "pages" / f"{room[1]}.py").is_file(), f"{name} belongs to no page"


@pytest.mark.parametrize("path", SHARED)
def test_what_pages_share_imports_no_page_and_no_part(path):
    assert all(name.startswith("pages.shared.") for name in page_neighbours(path))
    assert "streamlit_app" not in packages(path)


@pytest.mark.parametrize(("name", "path"), PARTS)
def test_a_part_imports_no_other_part_and_nothing_of_another_page(name, path):
    room = name.rpartition(".")[0]
    for other in page_neighbours(path):
        assert other.startswith(("pages.shared.", room + ".")), other
        assert not other.startswith(room) or "\nPART = Part(" not in MODULES[other].read_text(encoding="utf-8"), f"{other} is a part"


@pytest.mark.parametrize("path", SCRIPTS)
def test_a_script_imports_tables_of_contents_and_what_pages_share(path):
    for other in page_neighbours(path):
        assert other.startswith(("pages.shared.", "pages.parts")), other
        assert other.count(".") <= 2, f"{other} is inside a room: take its page"
    assert "streamlit_app" not in packages(path)


@pytest.mark.parametrize("name", list(MODULES))
def test_modules_of_pages_do_not_import_each_other_in_a_circle(name):
    seen, new = set(), {name}
    while new:
        new = {other for module in new for other in page_neighbours(MODULES[module])} - seen
        seen |= new
    assert name not in seen


CONTENTS = [name for name, path in MODULES.items() if name.startswith("pages.parts.") and path.name == "__init__.py" and name != "pages.parts.home"]


@pytest.mark.parametrize("name", CONTENTS)
def test_a_table_of_contents_names_every_part_of_its_folder(name):
    folder = MODULES[name].parent
    parts = {path.stem for path in folder.glob("*.py") if "\nPART = Part(" in path.read_text(encoding="utf-8")}
    text = MODULES[name].read_text(encoding="utf-8")
    assert parts
    assert all(f"{stem}.PART" in text for stem in parts)


def test_rooms_stay_small():
    assert {name: lines(path) for name, path in MODULES.items() if lines(path) > 250} == {}
    assert sum(lines(path) for name, path in MODULES.items() if name.startswith("pages.shared")) < 3000
    assert {p.id: lines(p.values[0]) for p in SCRIPTS if p.id != "pages.home" and lines(p.values[0]) > 40} == {}
    assert {name: lines(path) for name, path in engine_modules().items() if lines(path) > 250} == {}


@pytest.mark.parametrize("path", [pytest.param(p, id=name) for name, p in (engine_modules() | MODULES).items()])
def test_the_program_does_not_import_its_tests_or_benchmarks(path):
    assert not packages(path) & {"tests", "benchmarks", "pytest"}


def test_charts_in_parts_are_built_without_streamlit():
    """A function that returns a chart takes tables and settings: it can be tested, and cached, without a page."""
    for name, path in MODULES.items():
        if not name.startswith("pages.parts."):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.returns is not None and "alt." in ast.unparse(node.returns):
                used = {inner.id for inner in ast.walk(ast.Module(node.body, [])) if isinstance(inner, ast.Name)}
                assert "st" not in used, f"{name}.{node.name}"


@pytest.mark.parametrize("path", [ROOT / "streamlit_app.py", *modules("pages")], ids=lambda path: path.stem)
def test_every_script_imports_the_engine_as_a_whole_before_its_parts(path):
    imports = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.Import | ast.ImportFrom)]
    ours = [node for node in imports if (getattr(node, "module", None) or node.names[0].name).startswith(("engine", "pages"))]
    assert isinstance(ours[0], ast.Import)
    assert ours[0].names[0].name == "engine"

"""Standalone: a script that imports the engine, made into one file that needs NumPy alone.

What the script uses is looked up, and what that uses in turn. These definitions stand in the file as
they stand in the engine, each module after those that it builds on, and the script ends it.
By hand: `python -m engine.standalone script.py > alone.py`.

"""

import base64
import builtins
import json
import re
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

from engine.statements import Statement, renamed, statements

ENGINE = Path(__file__).parent
CARRIED = ("engine.datasets", "_digits_file")   # the one thing that is read from beside the engine: the file carries it
DIGITS = 'def _digits_file() -> io.BytesIO:\n    """The built-in digits, which this file carries."""\n    return io.BytesIO(base64.b85decode({0!r}))'
HEAD = '''"""One file that needs NumPy alone: `pip install numpy`, then run it.

First what the script uses of the engine, each module after those that it builds on; then the script. MIT licence.{0}
"""
'''
MNIST = "\nMNIST is read from the folder that the environment variable MNIST_DIR names."
Place = tuple[str, str]   # module and name; the name is "" for a module as a whole


def path_of(module: str) -> Path | None:
    """The file of a module of the engine, None for a name that is none."""
    path = ENGINE.parent.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if module.split(".")[0] == "engine" and file.is_file()), None)


@cache
def module(name: str) -> tuple[Statement, ...]:
    return statements(path_of(name).read_text(encoding="utf-8"))


class Reached:
    """What a script reaches: definitions by their module, in the order in which modules build on one another, and imports of others."""

    def __init__(self):
        self.statements: dict[str, set[int]] = {}    # module: which of its statements
        self.outside: set[tuple[str, str, str]] = set()
        self.wholes: dict[str, set[str]] = {}        # a module that is used by its own name: what of it
        self.meaning: dict[Place, Place] = {}        # a name as it is used in a module: where it is defined
        self.order: list[str] = []

    def visit(self, name: str) -> None:
        """A module comes after those that it imports."""
        if name not in self.order:
            for statement in module(name):
                for _, there, part in statement.imports:
                    if other := next((one for one in (f"{there}.{part}", there) if path_of(one)), None):
                        self.visit(other)
            self.order.append(name)

    def take(self, here: str, name: str, source: tuple[Statement, ...], text: str) -> None:
        """`name` as it is used in `text`, a statement of module `here` with these statements."""
        statement = next((one for one in source if name in one.defines), None)
        if statement is None:
            if not hasattr(builtins, name) and name not in ("__file__", "__name__"):
                raise ValueError(f"a script must import what it uses, got {name} in {here}")
            return
        if not statement.imports:
            self.meaning[here, name] = here, name
            self.add(here, name, source.index(statement))
            return
        _, there, part = next(one for one in statement.imports if one[0] == name)
        whole = f"{there}.{part}"
        if part and path_of(whole):
            self.wholes.setdefault(whole, set())
            for attribute in re.findall(rf"\b{name}\.(\w+)", text):
                if any(attribute in one.defines for one in module(whole)):
                    self.wholes[whole].add(attribute)
                    self.take(whole, attribute, module(whole), "")
        elif path_of(there):
            self.take(there, part, module(there), text)
            self.meaning[here, name] = self.meaning[there, part]
        else:
            self.outside.add((name, there, part))

    def add(self, here: str, name: str, i: int) -> None:
        if i in self.statements.setdefault(here, set()):
            return
        self.statements[here].add(i)
        self.visit(here)
        statement = module(here)[i]
        self.meaning |= {(here, other): (here, other) for other in statement.defines}
        if (here, name) == CARRIED:
            self.outside |= {("io", "io", ""), ("base64", "base64", "")}
            return
        for used in sorted(statement.uses - statement.defines):
            self.take(here, used, module(here), statement.text)

    def called(self, own: set[str]) -> dict[Place, str]:
        """What each definition is called in the file: its name, or one with its module's, where two have the same or the script has its `own`."""
        taken, found = {*own, *(here for here, *_ in self.outside)}, {}
        first = [place for (here, _), place in self.meaning.items() if here == "the script"]   # these keep their names
        for here, name in dict.fromkeys([*first, *self.meaning.values()]):
            i = next(i for i, one in enumerate(module(here)) if name in one.defines)
            same = any((other, there) == (name, name) and text_of((home, other)) == module(here)[i].text for (home, other), there in found.items())
            found[here, name] = name if same or name not in taken else f"{name}_of_{here.split('.')[-1]}"
            taken.add(found[here, name])
        return found


def text_of(place: Place) -> str:
    return next(one.text for one in module(place[0]) if place[1] in one.defines)


def inlined(script: str) -> tuple[str, str]:
    """What comes before a script in its file, and the script without its imports.

    Raises
    ------
    ValueError
        "a script must import what it uses, got …", or where it gives another meaning to a name that it imports.
    """
    source, reached = statements(script), Reached()
    given = {here for statement in source for here, *_ in statement.imports}
    own = {name for statement in source if not statement.imports for name in statement.defines}
    for name in sorted(own & given):
        raise ValueError(f"a name of a script means one thing, got {name}")
    for statement in source:
        for used in sorted(statement.uses - own):
            reached.take("the script", used, source, statement.text)
    called = reached.called(own)

    def text(here: str, statement: Statement) -> str:
        new = {name: called[reached.meaning[here, name]] for name in statement.uses | statement.defines if (here, name) in reached.meaning}
        if here == CARRIED[0] and CARRIED[1] in statement.defines:
            return DIGITS.format(base64.b85encode((ENGINE / "data" / "digits.npz").read_bytes()).decode())
        return renamed(statement.text, {name: other for name, other in new.items() if name != other})

    said, written = [], set()
    for name in reached.order:
        texts = [text(name, module(name)[i]) for i in sorted(reached.statements.get(name, ()))]
        texts = [one for one in texts if one not in written]
        written.update(texts)
        if name in reached.wholes:
            reached.outside.add(("SimpleNamespace", "types", "SimpleNamespace"))
            parts = ", ".join(f"{one}={called[reached.meaning[name, one]]}" for one in sorted(reached.wholes[name]))
            texts.append(f"{name.split('.')[-1]} = SimpleNamespace({parts})")
        if texts:
            said.append(f"# {'-' * 20} {name.replace('.', '/')}.py\n\n" + joined(texts))
    note = MNIST if ("engine.datasets", "load_mnist") in reached.meaning.values() else ""
    before = "\n\n".join([HEAD.format(note) + "\n" + imported(reached.outside), *said])
    return before, joined([text("the script", statement) for statement in source if not statement.imports])


def joined(texts: list[str]) -> str:
    """Statements below each other: definitions with two empty lines around them."""
    out = texts[0] if texts else ""
    for before, text in pairwise(texts):
        definition = any(re.search(r"^(@|def |class )", one, re.MULTILINE) for one in (before, text))
        out += ("\n\n\n" if definition else "\n") + text
    return out


def imported(outside: set[tuple[str, str, str]]) -> str:
    whole = {there: f"import {there}" + (f" as {here}" if here != there else "") for here, there, part in outside if not part}
    ours = [whole.pop(there) for there in sorted(whole) if there not in sys.stdlib_module_names]   # NumPy
    parts: dict[str, set[str]] = {}
    for here, there, part in outside:
        if part:
            parts.setdefault(there, set()).add(part + (f" as {here}" if here != part else ""))
    names_of = (f"from {there} import {', '.join(sorted(found))}" for there, found in sorted(parts.items()))
    return "\n\n".join("\n".join(lines) for lines in ([*(whole[there] for there in sorted(whole)), *names_of], ours) if lines)


def standalone(script: str) -> str:
    """The script as one file that needs NumPy alone. Raises ValueError as `inlined` does."""
    before, after = inlined(script)
    return f"{before}\n\n\n# {'-' * 20} the script\n\n{after}\n"


def notebook(script: str) -> str:
    """The same as a Jupyter notebook (nbformat 4.5): a cell for the engine, and one for the script."""
    cells = [
        {"cell_type": "code", "id": name, "metadata": {}, "execution_count": None, "outputs": [], "source": text.splitlines(keepends=True)}
        for name, text in zip(("engine", "script"), inlined(script), strict=True)]
    python = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": cells, "metadata": python, "nbformat": 4, "nbformat_minor": 5}, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(standalone(Path(sys.argv[1]).read_text(encoding="utf-8")))

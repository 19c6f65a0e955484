"""Standalone: a script that imports the engine, made into one file that needs NumPy alone.

What the script uses is looked up, and what that uses in turn. These definitions stand in the file as
they stand in the engine, each module after those that it builds on, and the script ends it.
By hand: `python -m engine.standalone script.py > alone.py`.

`symtable` tells which names a definition uses, and `tokenize` where it begins. Unlike `ast`, both may be
asked by several threads at once.
"""

import base64
import builtins
import json
import re
import symtable
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import StringIO
from itertools import pairwise
from pathlib import Path

ENGINE = Path(__file__).parent
CARRIED = ("engine.datasets", "_digits_file")   # the one thing that is read from beside the engine: the file carries it
DIGITS = 'def _digits_file() -> io.BytesIO:\n    """The built-in digits, which this file carries."""\n    return io.BytesIO(base64.b85decode({0!r}))'
HEAD = '''"""One file that needs NumPy alone: `pip install numpy`, then run it.

First what the script uses of the engine, each module after those that it builds on; then the script. MIT licence.{0}
"""
'''
MNIST = "\nMNIST is read from the folder that the environment variable MNIST_DIR names."
GOES_ON = ("else", "elif", "except", "finally")
Place = tuple[str, str]   # module and name; the name is "" for a module as a whole


@dataclass(frozen=True)
class Statement:
    """One statement of a module, and the comments right above it.

    defines, uses : the names that it gives to its module, and those that it takes from there, at whatever depth
    imports : (name here, module, name there) of an import; the name there is "" for `import module`
    """

    text: str
    defines: frozenset[str]
    uses: frozenset[str]
    imports: tuple[tuple[str, str, str], ...]


def starts(source: str) -> Iterator[int]:
    """The lines, from 0, on which the statements of a module begin, decorators and comments above them included."""
    lines, fresh, decorated = source.splitlines(), True, False
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type in (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            continue
        if fresh and token.start[1] == 0 and token.string not in GOES_ON:
            line = token.start[0] - 1
            while line and lines[line - 1].startswith("#"):
                line -= 1
            if not decorated:
                yield line
            decorated = token.string == "@"
        fresh = token.type == tokenize.NEWLINE


def names(table: symtable.SymbolTable) -> set[str]:
    """The names that a function or a class takes from its module."""
    mine = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced()}
    return mine.union(*map(names, table.get_children()))


def imports(text: str) -> tuple[tuple[str, str, str], ...]:
    plain = " ".join(re.sub(r"#.*", "", text).replace("(", " ").replace(")", " ").split())
    if not (found := re.fullmatch(r"(?:from (\S+) )?import (.+?),?", plain)):
        return ()
    pairs = [(one.split(" as ")[0].strip(), one.split(" as ")[-1].strip()) for one in found[2].split(",")]
    return tuple((here, found[1], there) if found[1] else (here.split(".")[0], there, "") for there, here in pairs)


def statements(source: str) -> tuple[Statement, ...]:
    lines, found = source.splitlines(), []
    begins = list(starts(source))
    for first, after in zip(begins, [*begins[1:], len(lines)], strict=True):
        text = "\n".join(lines[first:after]).rstrip()
        top = symtable.symtable(text, "<engine>", "exec")
        symbols = top.get_symbols()
        defines = {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()}
        uses = {symbol.get_name() for symbol in symbols if symbol.is_referenced()}.union(*map(names, top.get_children()))
        found.append(Statement(text, frozenset(defines), frozenset(uses), imports(text)))
    return tuple(found)


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
        self.at: dict[str, tuple[str, int]] = {}     # a name in the file: what it stands for
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
        for i, statement in enumerate(source):
            if name not in statement.defines:
                continue
            if not statement.imports:
                return self.add(here, name, i)
            _, there, part = next(one for one in statement.imports if one[0] == name)
            if path_of(f"{there}.{part}") and part:
                self.wholes.setdefault(f"{there}.{part}", set())
                for attribute in re.findall(rf"\b{name}\.(\w+)", text):
                    if any(attribute in one.defines for one in module(f"{there}.{part}")):
                        self.wholes[f"{there}.{part}"].add(attribute)
                        self.take(f"{there}.{part}", attribute, module(f"{there}.{part}"), "")
            elif path_of(there):
                if part != name:
                    raise ValueError(f"a name of the engine keeps its name, got {part} as {name} in {here}")
                self.take(there, part, module(there), text)
            else:
                self.outside.add((name, there, part))
            return None
        if not hasattr(builtins, name) and name not in ("__file__", "__name__"):
            raise ValueError(f"a script must import what it uses, got {name} in {here}")
        return None

    def add(self, here: str, name: str, i: int) -> None:
        if self.at.setdefault(name, (here, i)) != (here, i) and module(self.at[name][0])[self.at[name][1]].text != module(here)[i].text:
            raise ValueError(f"two definitions in one file need two names, got {name} in {self.at[name][0]} and in {here}")
        if i in self.statements.setdefault(here, set()):
            return
        self.statements[here].add(i)
        self.visit(here)
        statement = module(here)[i]
        if (here, name) == CARRIED:
            self.outside |= {("io", "io", ""), ("base64", "base64", "")}
            return
        for other in statement.defines - {name}:
            self.add(here, other, i)
        for used in sorted(statement.uses - statement.defines):
            self.take(here, used, module(here), statement.text)


def inlined(script: str) -> tuple[str, str]:
    """What comes before a script in its file, and the script without its imports.

    Raises
    ------
    ValueError
        "two definitions in one file need two names, got …" where the script, or two modules, say one name for two things.
    """
    source, reached = statements(script), Reached()
    given = {here for statement in source for here, *_ in statement.imports}
    own = {name for statement in source if not statement.imports for name in statement.defines}
    for statement in source:
        for used in sorted(statement.uses - (own - given)):
            reached.take("the script", used, source, statement.text)
    for both in sorted(own & ({*reached.at} | {name for name, *_ in reached.outside})):
        raise ValueError(f"two definitions in one file need two names, got {both} in {reached.at.get(both, ['an import'])[0]} and in the script")
    said, written = [], set()
    for name in reached.order:
        texts = [body(name, i) for i in sorted(reached.statements.get(name, ()))]
        texts = [text for text in texts if text not in written]
        written.update(texts)
        if name in reached.wholes:
            reached.outside.add(("SimpleNamespace", "types", "SimpleNamespace"))
            texts.append(f"{name.split('.')[-1]} = SimpleNamespace({', '.join(f'{one}={one}' for one in sorted(reached.wholes[name]))})")
        if texts:
            said.append(f"# {'-' * 20} {name.replace('.', '/')}.py\n\n" + joined(texts))
    note = MNIST if "engine.mnist" in reached.statements and "load_mnist" in reached.at else ""
    before = "\n\n".join([HEAD.format(note) + "\n" + imported(reached.outside), *said])
    return before, joined([statement.text for statement in source if not statement.imports])


def body(name: str, i: int) -> str:
    """The text of a statement; what reads a file beside the engine gets what it reads."""
    if CARRIED[1] in module(name)[i].defines and name == CARRIED[0]:
        return DIGITS.format(base64.b85encode((ENGINE / "data" / "digits.npz").read_bytes()).decode())
    return module(name)[i].text


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

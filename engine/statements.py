"""Statements: a module's source cut into what it defines, and which names each piece takes from the others.

`symtable` tells which names a definition uses, and `tokenize` where it begins. Unlike `ast`, both may be
asked by several threads at once.
"""

import re
import symtable
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import pairwise

GOES_ON = ("else", "elif", "except", "finally")


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


def renamed(text: str, changes: dict[str, str]) -> str:
    """A statement with other names for what it takes from its module. Raises ValueError where a name of its own is the same."""
    if not changes:
        return text
    tables = symtable.symtable(text, "<engine>", "exec").get_children()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        if hidden := [symbol.get_name() for symbol in table.get_symbols() if symbol.get_name() in changes and not symbol.is_global()]:
            raise ValueError(f"a name that is changed means one thing, got {hidden[0]} in {text.splitlines()[0]}")
    lines, depth, before, edits = text.splitlines(keepends=True), 0, "", []
    inner = re.compile(r"(?<![\w.])(" + "|".join(changes) + r")(?!\w)")
    tokens = list(tokenize.generate_tokens(StringIO(text).readline))
    for token, after in pairwise(tokens):
        depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
        start, end = (sum(map(len, lines[:row - 1])) + column for row, column in (token.start, token.end))
        if token.type == tokenize.NAME and token.string in changes and before != "." and not (after.string == "=" and depth):
            edits.append((start, end, changes[token.string]))
        elif token.type == tokenize.STRING and "f" in token.string.partition(token.string[-1])[0].lower():   # up to Python 3.11, one token
            edits.append((start, end, re.sub(r"\{[^{}]*\}", lambda m: inner.sub(lambda n: changes[n[1]], m[0]), token.string)))
        before = token.string
    for start, end, new in reversed(edits):
        text = text[:start] + new + text[end:]
    return text

"""Every sentence that a page can say, read out of its source: strings of four words or more, with {} for what is put in."""

import ast
import re
from pathlib import Path

from tests.conftest import ROOT

LEAST = 4   # words
NOT_SAID = re.compile(r"^(import|from) |\\[a-z]+|print\(|^datum\.|^\(|^[a-z_.]+\(|[a-z_]+=")   # scripts, formulas, expressions of charts


def sentences(*paths: str) -> set[str]:
    """Of files or folders below the root, such as "pages/parts/batch_norm" or "engine/diagnosis.py"."""
    found: set[str] = set()
    for name in paths:
        path = ROOT / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found |= _of(file)
    return found


def _of(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    silent = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            silent.add(id(node.body[0].value))
        if isinstance(node, ast.Raise):   # an error's words reach the screen only as plain text behind the page's own
            silent |= {id(inner) for inner in ast.walk(node)}
        if isinstance(node, ast.JoinedStr):
            silent |= {id(part) for part in node.values if isinstance(part, ast.Constant)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in silent:
            continue
        if isinstance(node, ast.JoinedStr):
            found.add("".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return set(filter(is_sentence, found))


def is_sentence(text: str) -> bool:
    return len(re.findall(r"[^\W\d_]{2,}", text)) >= LEAST and not NOT_SAID.search(text)

"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import isogloss

ROOT = Path(isogloss.__file__).parent
MODULES = {str(path.relative_to(ROOT)): path for path in sorted(ROOT.rglob("*.py"))}
HEAVY = ("torch", "transformers", "datasets", "numpy", "pyarrow", "scipy", "sklearn")
FEW = ["collections", "dataclasses", "itertools", "math", "typing", "warnings", "abc", "functools"]
NUMERIC = {"__future__", "contextlib", "numpy", "scipy", "torch", *FEW}


def nodes(name: str) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(MODULES[name].read_text("utf-8")))


def imported(name: str) -> set[str]:
    """Modules that a module of ours imports, anywhere in it."""
    found: set[str] = set()
    for node in nodes(name):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            found.add(str(node.module))
    return found


@pytest.mark.parametrize("name", MODULES)
def test_no_module_is_long(name: str) -> None:
    assert len(MODULES[name].read_text("utf-8").splitlines()) <= 500


def test_a_page_is_read_from_the_run_folder_alone() -> None:
    for name in (name for name in MODULES if name.startswith("report")):
        for module in imported(name):
            room = module.removeprefix("isogloss.").partition(".")[0]
            assert room not in ("recipes", "trainers", "cli", "paper"), f"{name} imports {module}"


@pytest.mark.parametrize(
    ("room", "others", "packages"),
    [
        ("labelshift", (), NUMERIC),
        ("alignment", (), NUMERIC),
        ("analysis", ("isogloss.labelshift",), NUMERIC - {"torch"} | {"statistics"}),
        ("selection", ("isogloss.labelshift",), NUMERIC - {"torch"} | {"sklearn"}),
        ("study", ("isogloss.labelshift",), NUMERIC - {"torch"}),
    ],
)
def test_the_mathematics_knows_nothing_of_the_house(
    room: str, others: tuple[str, ...], packages: set[str]
) -> None:
    rooms = ("isogloss.errors", f"isogloss.{room}", *others)
    for name in (name for name in MODULES if name.startswith(room)):
        for module in imported(name):
            ours = module in rooms or module.startswith(tuple(f"{known}." for known in rooms))
            assert ours or module.split(".")[0] in packages, f"{name} imports {module}"


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith("cli")])
def test_only_the_command_line_prints_or_reads_arguments(name: str) -> None:
    assert not any(module.startswith("isogloss.cli") for module in imported(name)) or (
        name == "__main__.py"
    )
    for node in nodes(name):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "input", "eval", "exec"), f"{name}:{node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            named = f"{node.value.id}.{node.attr}"
            assert named not in ("sys.argv", "sys.stdout", "sys.stderr"), f"{name}:{node.lineno}"


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_has_a_docstring(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text("utf-8"))
    assert ast.get_docstring(tree) or name.endswith("__main__.py"), f"{name} has no docstring"
    for owner in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]:
        if isinstance(owner, ast.ClassDef) and owner.name.startswith("_"):
            continue
        for node in owner.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{name}:{node.lineno} {node.name}"


@pytest.mark.parametrize("arguments", [["-c", "import isogloss"], ["-m", "isogloss", "--help"]])
def test_nothing_heavy_is_imported_before_it_is_needed(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True
    )
    names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "isogloss" in names
    assert names.isdisjoint(HEAVY)

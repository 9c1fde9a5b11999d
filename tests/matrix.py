"""The suite on the oldest and the newest versions that are supported: `make test-matrix`.

Each corner is a Python and a file of constraints. It gets a fresh environment below the build
folder, in which the tests run against this checkout; a table says what passed. A Python that is not
on this machine is skipped, and the table says so. Only the standard library is needed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SHOWN = (
    "torch",
    "transformers",
    "datasets",
    "accelerate",
    "numpy",
    "pyarrow",
    "scikit-learn",
    "typer",
)
# As `make test` does it; what the caller gives comes behind these and counts.
SPREAD = ("-n", "logical", "--maxprocesses", "4", "--dist", "loadfile")
ASK_VERSIONS = (
    "import platform; from importlib.metadata import version; "
    f"print(platform.python_version(), *[version(name) for name in {SHOWN}])"
)


@dataclass(frozen=True)
class Corner:
    """A Python command, and the versions that the packages get in its environment."""

    name: str
    python: str
    constraints: str


@dataclass(frozen=True)
class Row:
    """A line of the table; without versions where nothing ran."""

    corner: Corner
    versions: tuple[str, ...]
    outcome: str
    passed: bool


def runs(python: str) -> bool:
    """Whether the command starts a Python, and is not a version manager's stand-in for one."""
    if shutil.which(python) is None:
        return False
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


def install(corner: Corner, folder: Path) -> None:
    """A fresh environment with this checkout and what it needs, at the corner's versions."""
    subprocess.run([corner.python, "-m", "venv", "--clear", folder], check=True)
    constraints = ROOT / corner.constraints
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--upgrade", "pip"], check=True)
    # torch comes first, by its exact version, so that no newer build with accelerator packages is
    # drawn in.
    lines = constraints.read_text("utf-8").splitlines()
    torch = next(line for line in lines if line.startswith("torch=="))
    subprocess.run([*pip, torch], check=True)
    subprocess.run(
        [*pip, "--constraint", constraints, "--editable", f"{ROOT}[offline,dev]"], check=True
    )


def versions_in(folder: Path) -> tuple[str, ...]:
    """Versions of Python and of `SHOWN`, as they are installed."""
    command = [folder / "bin" / "python", "-c", ASK_VERSIONS]
    return tuple(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def counts(report: Path) -> tuple[int, int, int]:
    """Passed, failed (errors too) and skipped tests of a JUnit file of pytest's."""
    suite = next(ElementTree.parse(report).getroot().iter("testsuite"))
    total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    return total - failed - skipped, failed, skipped


def run_tests(folder: Path, arguments: list[str]) -> tuple[str, bool]:
    """Runs pytest there: what came out in words, and whether all was well."""
    report = folder.with_suffix(".xml")
    report.unlink(missing_ok=True)
    pytest = [folder / "bin" / "python", "-m", "pytest", "-q", f"--junitxml={report}"]
    command = [*pytest, *SPREAD, *arguments]
    # A PYTHONPATH of the caller's would bring another checkout in.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if not report.exists():
        return f"pytest ended with {code}", False
    passed, failed, skipped = counts(report)
    return f"{passed} passed, {failed} failed, {skipped} skipped", code == 0


def try_corner(corner: Corner, build: Path, arguments: list[str], reuse: bool) -> Row:
    """Installs a corner and runs the tests in it."""
    if not runs(corner.python):
        return Row(corner, (), f"skipped: there is no {corner.python} here", True)
    folder = build / corner.name
    try:
        if not (reuse and folder.exists()):
            install(corner, folder)
        versions = versions_in(folder)
    except subprocess.CalledProcessError:
        return Row(corner, (), "failed: it does not install", False)
    outcome, passed = run_tests(folder, arguments)
    if not reuse:
        # Gigabytes, which the next corner may need.
        shutil.rmtree(folder)
    return Row(corner, versions, outcome, passed)


def table(rows: list[Row]) -> str:
    """The rows as a table in Markdown."""
    heads = ("corner", "Python", *SHOWN, "tests")
    lines = [heads, tuple("---" for _ in heads)]
    for row in rows:
        versions = row.versions or ("",) * (len(SHOWN) + 1)
        lines.append((row.corner.name, *versions, row.outcome))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(words: list[str] | None = None) -> int:
    """Runs both corners; 1 where one fails or none could run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--oldest", default="python3.11", help="the oldest Python")
    parser.add_argument("--newest", default="python3.13", help="the newest Python")
    parser.add_argument("--only", choices=("oldest", "newest"), help="one corner alone")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "matrix")
    parser.add_argument("--reuse", action="store_true", help="keep environments, take those there")
    parser.add_argument(
        "tests", nargs="*", help="what pytest is to run, with its options behind --"
    )
    given = parser.parse_args(words)
    corners = [
        Corner("oldest", given.oldest, "constraints-oldest.txt"),
        Corner("newest", given.newest, "constraints.txt"),
    ]
    given.build.mkdir(parents=True, exist_ok=True)
    rows = []
    for corner in corners:
        if given.only in (None, corner.name):
            rows.append(try_corner(corner, given.build.resolve(), given.tests, given.reuse))
            print(f"\n{table(rows)}", flush=True)
    return 0 if any(row.versions for row in rows) and all(row.passed for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

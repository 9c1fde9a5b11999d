"""What adapting brings on real data: test scores of four recipes over several seeds.

    python benchmarks/adaptation.py --data tweets,hotels,wikiann,nli --seeds 3

Runs `isogloss adapt` with the default preset, once for each task, recipe (zero-shot, iwda,
iwda-oracle, iwda-unweighted) and seed; the aligned recipes take the zero-shot stage of that
seed over. Finished runs are not repeated. Prints a Markdown table of test scores, mean and standard
deviation over the seeds. Looks for the data in ISOGLOSS_DATA (default ../shared/data).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from isogloss.data.streaming import read_batches
from isogloss.data.writing import RowWriter

DATA = Path(
    os.environ.get("ISOGLOSS_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
)
RECIPES = ("zero-shot", "iwda", "iwda-oracle", "iwda-unweighted")

# By task: files of source, target and test, rows taken of each, columns, passes of each stage.
# Rows and passes keep a run to a minute or two on two cores.
TASKS: dict[str, dict[str, Any]] = {
    "tweets en-de": {
        "files": ("tweets/en.train.csv", "tweets/de.train.csv", "tweets/de.test.csv"),
        "rows": (1839, 1839, 870),
        "passes": (2.0, 1.0),
    },
    "hotels en-es": {
        "files": ("hotels/en.train.csv", "hotels/es.train.csv", "hotels/es.test.csv"),
        "rows": (1359, 1173, 338),
        "passes": (3.0, 1.5),
        "columns": ["--label", "stars"],
    },
    "wikiann en-de": {
        "files": ("wikiann/en.train.conll", "wikiann/de.train.conll", "wikiann/de.test.conll"),
        "rows": (3000, 3000, 2000),
        "passes": (3.0, 0.8),
        "columns": ["--task", "token"],
    },
    "nli en-de": {
        "files": ("nli/en.train.csv", "nli/de.validation.csv", "nli/de.test.csv"),
        "rows": (4000, 800, 800),
        "passes": (1.0, 0.2),
        "columns": ["--task", "pair", "--text", "premise", "--text-pair", "hypothesis"],
    },
}


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="tweets,hotels,wikiann,nli")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("runs/adaptation"))
    parser.add_argument("--set", action="append", default=[], help="key=value for every run")
    options = parser.parse_args()
    wanted = [t for t in TASKS if t.split()[0] in options.data.split(",")]
    for seed in range(options.seeds):
        for task in wanted:
            run_seed(task, seed, options)
    print(table(wanted, options))


def run_seed(task: str, seed: int, options: argparse.Namespace) -> None:
    """All recipes of one task and seed."""
    folder = options.output / task.replace(" ", "-") / f"seed-{seed}"
    if all((folder / f"{r}.json").is_file() for r in RECIPES):
        return
    for recipe in RECIPES:
        if not (folder / f"{recipe}.json").is_file() or recipe == "zero-shot":
            run_one(task, recipe, seed, folder, options)
    for recipe in RECIPES:
        shutil.rmtree(folder / recipe, ignore_errors=True)


def run_one(task: str, recipe: str, seed: int, folder: Path, options: argparse.Namespace) -> None:
    """One `isogloss adapt`; keeps its metrics and priors."""
    spec = TASKS[task]
    command = [sys.executable, "-m", "isogloss", "adapt", *spec.get("columns", [])]
    for side, file, rows in zip(
        ("source", "target", "test"), spec["files"], spec["rows"], strict=True
    ):
        command += [f"--{side}", str(cut(DATA / file, rows, options.output / "data"))]
    command += ["--recipe", recipe, "--seed", str(seed), "--output", str(folder / recipe)]
    for group, passes in zip(("finetune", "iwda"), spec["passes"], strict=True):
        command += ["--set", f"{group}.num_train_epochs={passes}"]
    for setting in options.set:
        command += ["--set", setting]
    if recipe != "zero-shot":
        command += ["--set", f"start={folder / 'zero-shot'}"]
    print(f"{task}, seed {seed}: {recipe}", file=sys.stderr, flush=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    result: dict[str, Any] = json.loads((folder / recipe / "metrics.json").read_text())
    result["prior"] = json.loads((folder / recipe / "prior.json").read_text())
    (folder / f"{recipe}.json").write_text(json.dumps(result, indent=2))


def cut(path: Path, rows: int, folder: Path) -> Path:
    """The first `rows` rows (CoNLL: sentences) of a file, as a file."""
    target = folder / f"{path.parent.name}-{path.stem}-{rows}{path.suffix}"
    if target.is_file():
        return target
    with RowWriter(target) as writer:
        left = rows
        for batch in read_batches(path):
            writer.write({name: values[:left] for name, values in batch.items()})
            left -= min(left, len(next(iter(batch.values()))))
            if left == 0:
                break
    return target


def table(tasks: list[str], options: argparse.Namespace) -> str:
    """Test scores by task and recipe, in percent."""
    lines = ["| task | score | " + " | ".join(RECIPES) + " |", "| --- " * (len(RECIPES) + 2) + "|"]
    for task in tasks:
        results = {r: load(task, r, options) for r in RECIPES}
        names = ["f1"] if task.startswith("wikiann") else ["accuracy", "macro_f1"]
        for name in names:
            cells = [cell(results[r], r, name) for r in RECIPES]
            lines.append(f"| {task} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def load(task: str, recipe: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The results of every seed."""
    folder = options.output / task.replace(" ", "-")
    paths = sorted(folder.glob(f"seed-*/{recipe}.json"))
    return [json.loads(path.read_text()) for path in paths]


def cell(results: list[dict[str, Any]], recipe: str, name: str) -> str:
    """Mean and standard deviation over the seeds."""
    scores = [100 * r["stages"][recipe]["test"][name] for r in results]
    spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
    return f"{statistics.mean(scores):.1f} ± {spread:.1f}" if scores else "–"


if __name__ == "__main__":
    main()

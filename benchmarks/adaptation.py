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

DATA = Path(
    os.environ.get("ISOGLOSS_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
)
RECIPES = ("zero-shot", "iwda", "iwda-oracle", "iwda-unweighted")

# Arguments by task; the step bounds keep a stage to a few minutes on two cores.
TASKS: dict[str, list[str]] = {
    "tweets en-de": [
        "--source", "tweets/en.train.csv", "--target", "tweets/de.train.csv",
        "--test", "tweets/de.test.csv",
    ],
    "hotels en-es": [
        "--source", "hotels/en.train.csv", "--target", "hotels/es.train.csv",
        "--test", "hotels/es.test.csv", "--label", "stars",
    ],
    "wikiann en-de": [
        "--source", "wikiann/en.train.conll", "--target", "wikiann/de.train.conll",
        "--test", "wikiann/de.test.conll", "--task", "token",
    ],
    "nli en-de": [
        "--source", "nli/en.train.csv", "--target", "nli/de.validation.csv",
        "--test", "nli/de.test.csv", "--task", "pair", "--text", "premise",
        "--text-pair", "hypothesis",
    ],
}  # fmt: skip


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="tweets,hotels,wikiann,nli")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--max-steps", type=int, default=400, help="steps a stage, at most")
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
    words = [str(DATA / w) if "/" in w else w for w in TASKS[task]]
    command = [sys.executable, "-m", "isogloss", "adapt", *words]
    command += ["--recipe", recipe, "--seed", str(seed), "--max-steps", str(options.max_steps)]
    command += ["--output", str(folder / recipe)]
    for setting in options.set:
        command += ["--set", setting]
    if recipe != "zero-shot":
        command += ["--set", f"start={folder / 'zero-shot'}"]
    print(f"{task}, seed {seed}: {recipe}", file=sys.stderr, flush=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    result: dict[str, Any] = json.loads((folder / recipe / "metrics.json").read_text())
    result["prior"] = json.loads((folder / recipe / "prior.json").read_text())
    (folder / f"{recipe}.json").write_text(json.dumps(result, indent=2))


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

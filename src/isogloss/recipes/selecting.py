"""Serving another candidate of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isogloss.data.atomic import remove_unfinished
from isogloss.data.locking import locked
from isogloss.errors import IsoglossError
from isogloss.progress import Progress
from isogloss.recipes.choosing import candidates, describe
from isogloss.recipes.config import RunConfig
from isogloss.recipes.delivery import Chosen, deliver
from isogloss.recipes.expecting import expect
from isogloss.recipes.folder import CONFIG, RunFolder
from isogloss.recipes.tested import is_unchanged, read_test

# What the guard found, which stays when another candidate is served by hand.
KEPT = ("table", "left_out")


def select(run: str | Path, name: str, *, progress: Progress | None = None) -> Path:
    """Have a finished run serve another of its candidates.

    Its model, predictions, card, pictures and `prior.json` are replaced; no stage is touched.

    Args:
        run: folder of the run.
        name: of a stage or of its average ("iwda-average"); with "+prior" behind it, for its
            predictions corrected by the target prior that it estimated; with "+rows", where the
            run refitted its head on labelled target rows.
        progress: hears how it goes.

    Returns:
        The folder of the model that is served now.

    Raises:
        IsoglossError: E524 where there is no such run, E525 where it has not finished, E540 where
            it has no such candidate, E541 where its target is no file that is still there and no
            hub data set, E522 where that file is another now, E546 or E547 where another process
            holds the folder.

    Example:
        >>> isogloss.select("runs/de", "zero-shot")
    """
    if not (Path(run) / CONFIG).is_file():
        raise IsoglossError("E524", folder=run)
    with locked(Path(run)):
        return _serve(RunFolder(Path(run)), name, progress or Progress())


def _serve(folder: RunFolder, name: str, progress: Progress) -> Path:
    """`select` in a folder that is held."""
    run, metrics = folder.root, folder.metrics()
    if metrics is None:
        raise IsoglossError("E525", folder=run)
    remove_unfinished(folder.root)
    config = RunConfig.load(folder.root / CONFIG)
    known = candidates(folder, list(metrics["stages"]))
    if name not in known:
        raise IsoglossError("E540", folder=run, name=name, names=", ".join(known))
    if not _is_there(config.target):
        raise IsoglossError("E541", folder=run, target=config.target)
    check_target(folder, config.target)
    chosen = Chosen.named(name)
    before = metrics.get("chosen", {})
    first = _at_first(metrics)
    if name == first["at_first"]:
        reasons = ["Chosen by hand, as by the run itself before.", *first["reasons_at_first"]]
    else:
        reasons = [f"Chosen by hand; the run itself chose {first['at_first']}."]
    choice = describe(folder, chosen, list(metrics["stages"]), by="you", reasons=reasons) | first
    choice |= {key: before[key] for key in KEPT if key in before}
    expected = judged(choice, name) or expect(folder, config, chosen)
    changed = {**metrics, "chosen": choice, "expected": expected}
    test = read_test(folder, config) if chosen.corrected else None
    deliver(folder, config, chosen, changed, test=test, progress=progress)
    return folder.root / "model"


def check_target(folder: RunFolder, target: str) -> None:
    """Refuse a target file that is another now: all that the run says is of the one before.

    Raises:
        IsoglossError: E522.
    """
    if Path(target).is_file() and not is_unchanged(folder, "target", target):
        raise IsoglossError("E522", side="target", folder=folder.root)


def judged(choice: dict[str, Any], name: str) -> dict[str, Any] | None:
    """The score to expect of a candidate as the guard judged it; None where it did not.

    Neither further seeds nor refitted heads are judged; runs of earlier versions kept the value
    alone.
    """
    rows = (row["expected"] for row in choice.get("table", ()) if row["name"] == name)
    found = next(rows, None)
    return found if isinstance(found, dict) else None


def _is_there(target: str) -> bool:
    """Whether a target can be read again: what was given as a data set cannot."""
    return not target.startswith("a data set given as") and (
        Path(target).is_file() or not Path(target).suffix
    )


def _at_first(metrics: dict[str, Any]) -> dict[str, Any]:
    """What a run chose itself, as a choice by hand keeps it: its name, who chose, and why.

    The first versions served their last stage; until this one only the name was kept.
    """
    last = list(metrics["stages"])[-1]
    chosen = metrics.get("chosen") or {"name": last, "by": "recipe", "reasons": []}
    if "at_first" in chosen:
        return {
            "at_first": chosen["at_first"],
            "by_at_first": chosen.get("by_at_first"),
            "reasons_at_first": chosen.get("reasons_at_first", []),
        }
    return {
        "at_first": chosen["name"],
        "by_at_first": chosen["by"],
        "reasons_at_first": chosen["reasons"],
    }

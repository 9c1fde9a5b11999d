"""What a corrected candidate scores on the test rows: for reports alone, after all is chosen."""

from __future__ import annotations

from pathlib import Path

from datasets import Dataset

from isogloss.data.fingerprints import fingerprint
from isogloss.data.loading import load
from isogloss.data.preparing import prepare
from isogloss.recipes.config import RunConfig
from isogloss.recipes.folder import RECORD, RunFolder, read_json
from isogloss.recipes.serving import open_served
from isogloss.tasks import make_task


def score_model(model: Path, rows: Dataset, config: RunConfig) -> dict[str, float]:
    """The task's scores of a model folder, corrected as it is served.

    Args:
        model: the folder.
        rows: labelled, in canonical columns.
        config: of the run.
    """
    served = open_served(
        model,
        precision=config.precision or "auto",  # type: ignore[arg-type]
        trust_remote_code=config.trust_remote_code,
    )
    encoded, collected = served.rows(rows)
    predicted = served.task.decode(collected.predictions, encoded.dataset)
    return served.task.metrics(served.task.references(rows), predicted)


def is_unchanged(folder: RunFolder, side: str, path: str) -> bool:
    """Whether a file is, byte for byte, what a run had for a side.

    Args:
        folder: of the run.
        side: such as "test".
        path: of a file that is there.

    Raises:
        IsoglossError: E532 where the run's record cannot be read.
    """
    found: bool = fingerprint(path) == read_json(folder.root / RECORD)["data"].get(side)
    return found


def read_test(folder: RunFolder, config: RunConfig) -> Dataset | None:
    """The test rows of a finished run; None where it had none, or its file is another now.

    Args:
        folder: of the run.
        config: of the run.
    """
    if config.test is None or not Path(config.test).is_file():
        return None
    if not is_unchanged(folder, "test", config.test):
        return None
    columns = {"text": config.text, "text_pair": config.text_pair, "label": config.label}
    task = make_task(config.task, **columns, orphan_tags=config.orphan_tags)
    rows = prepare(
        load(config.test, format=config.format),
        task.columns,
        side="test",
        name=config.test,
        labels="required",
    )
    return task.conform(rows, name=config.test)

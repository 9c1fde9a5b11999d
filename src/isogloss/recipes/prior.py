"""The class prior of an unlabelled file under a trained model, with its uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset

from isogloss.errors import IsoglossError, warn
from isogloss.labelshift.checks import check_range
from isogloss.labelshift.prior_estimation import PriorEstimator
from isogloss.progress import Progress
from isogloss.recipes.classifying import UnlabelledRows, classify
from isogloss.recipes.facts import NamedFacts
from isogloss.recipes.heldout import read_held_out, uncorrected
from isogloss.recipes.predict import Precision
from isogloss.recipes.prior_report import class_shares_of, describe_prior
from isogloss.recipes.serving import open_served


def estimate_file_prior(
    run: str | Path,
    file: str | Path | Dataset,
    *,
    method: str = "auto",
    calibration: str = "bcts",
    level: float = 0.95,
    facts: NamedFacts | None = None,
    columns: Mapping[str, str | None] | None = None,
    format: str | None = None,
    batch_rows: int = 2048,
    precision: Precision = "auto",
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Estimate the share of each class in a file without labels.

    The file is read batch by batch; only the probabilities of its rows are kept. For tagging the
    shares are those of the words' tags, and sentences are resampled whole. Where a run serves a
    corrected candidate, the model of its stage is asked, see `uncorrected`.

    Args:
        run: a run folder of `adapt`, or that of one of its stages.
        file: CSV, TSV, JSON lines, Parquet or CoNLL, a data set, or an id on the hub; labels in
            it are not read.
        method: one of `isogloss.labelshift.prior_estimation.METHODS`.
        calibration: one of `isogloss.labelshift.calibration.CALIBRATIONS`.
        level: coverage of the intervals, in 0..1.
        facts: what is known of the shares beforehand.
        columns: `text`, `text_pair` (and `label`, for the labelled rows of `facts`): other names
            than in training.
        format: of the file, where its name does not say it.
        batch_rows: rows read at a time, >= 1.
        precision: of the matrix products; auto takes bf16 where the processor has it.
        seed: of the resampling.
        progress: hears how far it is.

    Returns:
        What `describe_prior` gives, with `file`, its name, and `rows`, the number of its examples.
        `source` has the shares of the run's held-out source rows.

    Raises:
        IsoglossError: E524 to E526, E531 to E535 for the run and the facts; E1xx for the file;
            E3xx for the model; E4xx for settings and facts that cannot be.

    Example:
        >>> report = estimate_file_prior("runs/de", "new.csv", level=0.9)
        >>> dict(zip(report["labels"], report["estimate"]))
    """
    check_range(level, 0.0, 1.0, name="level")
    rows = UnlabelledRows(where=file, format=format, batch_rows=batch_rows)
    judge = uncorrected(run)
    held_out = read_held_out(judge)
    served = open_served(judge, columns=columns, precision=precision)
    names = served.task.known_labels.names
    if held_out.names != names:
        found, wanted = ", ".join(held_out.names), ", ".join(names)
        raise IsoglossError("E533", folder=run, found=found, wanted=wanted)
    known = None if facts is None else facts.resolve(served.task)
    tagging = served.task.kind == "token"
    # Before the file is read, so that a wrong setting costs no time.
    estimator = PriorEstimator(
        held_out.probabilities,
        held_out.labels,
        method=method,
        calibration=calibration,
        groups=held_out.examples if tagging else None,
        seed=seed,
    )
    target = classify(served, rows, progress=progress or Progress())
    groups = target.examples if tagging else None
    estimate = estimator.estimate(
        target.probabilities,
        groups=groups,
        facts=known,
        level=level,
        p_value_before=held_out.p_value_before,
    )
    if held_out.trained_on:
        warn("W523", folder=run)
    predicted = class_shares_of(target.probabilities.argmax(axis=1), len(names))
    report = describe_prior(estimate, labels=names, predicted=predicted)
    return {"file": rows.name, "rows": target.count, **report}

"""Training last: the served model's head, refitted on labelled target rows where that gains."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from datasets import Dataset
from torch.nn import Parameter

from isogloss.data.overlap import input_digests
from isogloss.labelshift.calibration import softmax
from isogloss.labelshift.checks import Floats
from isogloss.labelshift.correction import reweigh
from isogloss.models.head_change import add_to_head
from isogloss.recipes.asking import Seen, keep_labelled, look_at, refine_prior
from isogloss.recipes.delivery import Chosen
from isogloss.recipes.folder import link_tree
from isogloss.recipes.labelled_rows import prior_of
from isogloss.recipes.methods import JUDGED_BY
from isogloss.recipes.reencoding import seen_by
from isogloss.recipes.refit_report import LEAST_ROWS, Refit, Refusal
from isogloss.recipes.results import measure
from isogloss.recipes.rewriting import rewrite
from isogloss.recipes.serving import open_served
from isogloss.recipes.workshop import Workshop
from isogloss.selection.refit import (
    HeadChange,
    out_of_fold_logits,
    refit_gain,
    refit_head,
)


def refit_served(shop: Workshop, rows: Dataset, chosen: Chosen) -> Refit:
    """Refit the head of the chosen model on labelled rows where that is measured to help.

    That is where texts are classified, at least 200 rows are labelled, and heads refitted to four
    fifths of them gain more macro-F1 on the rest, over the chosen candidate as it would be served,
    than the standard error of that gain. The refitted model is then kept as a stage of its own,
    `NAME+rows`. It starts from the head as it was trained, without any correction for the class
    balance, since labelled rows have the target's. No other stage is touched.

    Args:
        shop: the run, its stages finished and asked about the rows.
        rows: labelled, in canonical columns.
        chosen: what is served without it.

    Returns:
        What came of it.

    Raises:
        IsoglossError: E121 where it cannot be written.
    """
    digests = np.unique(input_digests(rows), return_inverse=True)[1]
    found = Refit(before=chosen.name, stage=chosen.stage, rows=int(digests.max()) + 1)
    refused = _refused_at_once(shop, found)
    if refused is not None:
        return replace(found, refused=refused)
    shop.progress.say(f"{chosen.name}: refitting its head on {len(rows)} labelled target rows")
    seen = look_at(shop, rows, shop.folder.stage(chosen.stage), features=True)
    bias: Parameter | None = seen.served.classifier.final_linear.bias
    if bias is None:
        return replace(found, refused="no bias")
    # A text that comes twice must not be in two folds.
    known: dict[str, Any] = {"groups": digests, "seed": shop.config.seed}
    arrays: Any = (seen.rows.features, seen.rows.logits, seen.rows.labels)
    apart = out_of_fold_logits(*arrays, **known)
    gain = refit_gain(
        _as_served(shop, seen, chosen), apart, seen.rows.labels, groups=digests, metric=JUDGED_BY
    )
    found = replace(found, gain=gain)
    if not gain.holds():
        return replace(found, refused="gain")
    change = refit_head(*arrays, **known)
    if not np.isfinite(change.strength):
        return replace(found, refused="no change")
    if shop.folder.stage_result(found.name) is None:
        _finish(shop, found, change, seen, apart.astype(np.float32))
    return found


def _refused_at_once(shop: Workshop, found: Refit) -> Refusal | None:
    """What speaks against refitting before anything is asked of the rows."""
    if shop.config.train_on_labelled is False:
        return "setting"
    if shop.task.kind == "token":
        return "task"
    return "rows" if found.rows < LEAST_ROWS else None


def _as_served(shop: Workshop, seen: Seen, chosen: Chosen) -> Floats:
    """(r, k) what the chosen candidate gives for the rows: logits, or corrected probabilities."""
    logits: Floats = seen.rows.logits.astype(np.float64)
    if not chosen.corrected:
        return logits
    weights = np.asarray(prior_of(shop.folder, chosen.stage)["weights"])
    return reweigh(softmax(logits), weights / weights.max())


def _finish(
    shop: Workshop, found: Refit, change: HeadChange, seen: Seen, apart: np.ndarray
) -> None:
    """Keep the refitted model as a finished stage, measured as all are."""
    here, kind = shop.folder.stage(found.name), shop.task.kind
    link_tree(shop.folder.stage(found.stage) / "model", here / "model")
    rewrite(
        here / "model",
        partial(add_to_head, weight=change.weight, bias=change.bias),
        kind=kind,
    )
    # Not what it says of rows that it was fitted to.
    keep_labelled(shop, seen, apart, here)
    config = shop.config
    own = seen_by(shop, config.student) if config.student else shop
    served = open_served(
        here,
        precision=config.precision or "auto",  # type: ignore[arg-type]
        trust_remote_code=config.trust_remote_code,
    )
    facts = {"steps": 0, "seconds": 0.0, "log": [], "refitted_on": found.rows}
    facts |= measure(own, served.classifier, own.pad_token_id, stage=found.name)
    refine_prior(shop, found.name)
    shop.folder.finish_stage(found.name, facts)

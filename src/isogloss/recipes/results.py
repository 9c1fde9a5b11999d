"""What a classifier in a run is worth: scores where there are labels, and the target's prior."""

from __future__ import annotations

from typing import Any

from isogloss.labelshift.prior_estimation import estimate_prior
from isogloss.recipes.candidates import CANDIDATE, save_candidate
from isogloss.recipes.heldout import HELD_OUT, save_held_out
from isogloss.recipes.prior_report import class_shares_of, describe_prior
from isogloss.recipes.workshop import Workshop, sample
from isogloss.trainers.rows import CollectedRows, collect_rows

# A run estimates the prior from at most this many target examples.
PRIOR_SAMPLE = 4_000


def measure(
    shop: Workshop, classifier: Any, pad_token_id: int, *, stage: str, settled: bool = False
) -> dict[str, Any]:
    """Score a stage's classifier and estimate the target prior with it.

    What it says of the held-out rows stays in the stage's folder, for priors of other files, and
    what it says of both sides for comparing stages.

    Args:
        shop: the run.
        classifier: the trained `FeatureClassifier`.
        pad_token_id: of the tokenizer.
        stage: named to whoever watches.
        settled: whether it has learnt the target's balance; see `CandidateRows.settled`.

    Returns:
        `metrics`: by set (`held-out`, or `train` where nothing was held out; `test` where one was
        given); `prior`: see `prior_report`.
    """
    data = shop.data
    own = "held-out" if data.held_out is not data.train else "train"
    target = sample(data.target, PRIOR_SAMPLE, shop.config.seed)
    sets = {own: data.held_out, "target": target} | ({"test": data.test} if data.test else {})
    shop.progress.start(f"{stage}: measuring", sum(map(len, sets.values())), "rows")
    rows = {
        name: collect_rows(
            classifier,
            dataset,
            pad_token_id=pad_token_id,
            precision=shop.precision,
            features=name != "test",
            progress=shop.progress.advance,
        )
        for name, dataset in sets.items()
    }
    shop.progress.finish()
    folder, trained_on = shop.folder.stage(stage), own == "train"
    before = shop.p_value_before(stage)
    save_held_out(
        folder / HELD_OUT,
        rows[own],
        names=shop.labels.names,
        trained_on=trained_on,
        p_value_before=before,
    )
    drawn = {"of": len(data.target), "most": PRIOR_SAMPLE, "seed": shop.config.seed}
    save_candidate(
        folder / CANDIDATE,
        source=rows[own],
        target=rows["target"],
        drawn=drawn,
        settled=settled,
    )
    truth = shop.task.decode(rows[own].labels, sets[own])
    metrics = {own: row_metrics(shop, truth, sets[own], rows[own])}
    if data.test is not None:
        metrics["test"] = row_metrics(shop, shop.test_references, data.test, rows["test"])
    return {"metrics": metrics, "prior": prior_report(shop, rows[own], rows["target"], before)}


def score_on_test(shop: Workshop, classifier: Any, pad_token_id: int) -> dict[str, float]:
    """The task's scores of a classifier, as it is, on the test rows of a run that has some."""
    rows = collect_rows(
        classifier, shop.data.test, pad_token_id=pad_token_id, precision=shop.precision
    )
    return row_metrics(shop, shop.test_references, shop.data.test, rows)


def prior_report(
    shop: Workshop, source: CollectedRows, target: CollectedRows, p_value_before: float
) -> dict[str, Any]:
    """The target prior as estimated, beside what it is compared with.

    Args:
        shop: the run.
        source: labelled rows, held out if they can be.
        target: target rows.
        p_value_before: as for `estimate_prior`.

    Returns:
        What `describe_prior` gives, `source` being the shares of the training rows; and `true`,
        (k,), where a recipe knows it.
    """
    tagging = shop.task.kind == "token"
    estimate = estimate_prior(
        source.probabilities,
        source.labels,
        target.probabilities,
        source_groups=source.examples if tagging else None,
        target_groups=target.examples if tagging else None,
        p_value_before=p_value_before,
        seed=shop.config.seed,
    )
    report = describe_prior(
        estimate,
        labels=shop.labels.names,
        predicted=class_shares_of(target.predictions, len(shop.labels)),
        source=shop.source_prior,
    )
    if shop.target_prior is not None:
        report["true"] = shop.target_prior.tolist()
    return report


def row_metrics(shop: Workshop, truth: Any, dataset: Any, rows: CollectedRows) -> dict[str, float]:
    """The task's scores of predicted rows against true labels as `Task.references` gives them."""
    return shop.task.metrics(truth, shop.task.decode(rows.predictions, dataset))

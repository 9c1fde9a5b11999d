"""Feature shift between two languages, layer by layer, for the models of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from datasets import Dataset

from isogloss.analysis.sampling import SampledRows
from isogloss.analysis.shift import ShiftAccumulator
from isogloss.data.loading import check_different_files, content_digest, load, name_of
from isogloss.data.preparing import prepare
from isogloss.errors import IsoglossError, warn
from isogloss.labelshift.checks import check_choice, check_range
from isogloss.models.layers import VIEWS, View, layer_count
from isogloss.progress import Progress
from isogloss.recipes.analysis_models import ModelToAnalyze, models_of
from isogloss.recipes.analysis_pass import (
    FEATURES,
    Layer,
    Place,
    SideRows,
    has_classes,
    own_view,
    run_pass,
)
from isogloss.recipes.analysis_report import describe_place, describe_run
from isogloss.recipes.folder import RECORD, read_json
from isogloss.recipes.predict import Precision
from isogloss.recipes.serving import ServedModel
from isogloss.tasks import Task

Classes = Literal["auto", "labels", "corrected", "predicted"]
CLASSES: tuple[Classes, ...] = ("auto", "labels", "corrected", "predicted")
Where: TypeAlias = str | Path | Dataset


@dataclass(frozen=True, kw_only=True)
class AnalysisSettings:
    """What is measured, and how.

    Args:
        layers: numbers, 0 for the embeddings, and `"features"` for what feeds the final linear
            layer; none for all.
        views: of `"cls"`, `"mean"` and `"active"`; none for the first two, or in tagging the last.
        classes: whose classes of target rows: `"labels"`, `"predicted"` probabilities,
            `"corrected"` ones (by the run's estimate of the class balance), or `"auto"`: the
            first of labels, corrected and predicted that there is.
        replicates: of the bootstrap, >= 2.
        level: coverage of the intervals, in 0..1.
        sample: rows a side, at most, that kernel discrepancies and similarities are taken from.
        seed: of blocks, samples and bootstrap.

    Raises:
        IsoglossError: E407, E409.
    """

    layers: Sequence[Layer] = ()
    views: Sequence[View] = ()
    classes: Classes = "auto"
    replicates: int = 200
    level: float = 0.95
    sample: int = 1_000
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice(self.classes, CLASSES, name="classes")
        for view in self.views:
            check_choice(view, VIEWS, name="the view")
        check_range(self.level, 0.0, 0.9999, name="level")
        check_range(self.replicates, 2, 100_000, name="replicates")
        check_range(self.sample, 4, 100_000, name="sample")
        check_range(self.seed, 0, 2**32 - 1, name="seed")


def analyze(
    model: str | Path,
    source: Where,
    target: Where,
    *,
    settings: AnalysisSettings | None = None,
    stages: Sequence[str] = (),
    task: str = "sequence",
    columns: Mapping[str, str | None] | None = None,
    format: str | None = None,
    precision: Precision = "fp32",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure how far apart a model puts two languages, in every layer, by class and overall.

    Texts are read and run in batches; of their features only sums and a sample of fixed size are
    kept. One model is loaded at a time.

    Args:
        model: a run folder, whose stages are compared; the folder of one stage or model; or the
            name of a model on the hub, or `"offline"`.
        source: labelled rows, best ones that the model was not trained on.
        target: rows of the other language.
        settings: what is measured.
        stages: which of a run's; none for all.
        task: kind of task, for a model that isogloss did not make.
        columns: `text`, `text_pair`, `label`: other names than in training.
        format: of files whose names do not say it.
        precision: of the matrix products; bf16 shows in small shifts.
        progress: hears how far it is.

    Returns:
        What `describe_run` gives.

    Raises:
        IsoglossError: E702, E525, E540 for the model, E3xx where it cannot be loaded; E1xx and
            E2xx for the files; E703 for a layer that is not there; E704 and E705 where there are
            no classes of target rows; E706 where the sides share none; E407, E409 for settings.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 2.1.

    Example:
        >>> report = analyze("runs/de", "en.test.csv", "de.test.csv")
        >>> [each["conditional"]["l1"]["value"] for each in report["models"][0]["layers"]]
    """
    settings = settings or AnalysisSettings()
    models = models_of(model, stages)
    check_different_files(source, target)
    known = models[0].task(task, columns or {})
    own = _source_rows(source, known, format=format)
    if known.labels is None:
        known = known.with_labels_from(own.rows, name=own.name)
    known.check_labels(own.rows, name=own.name)
    other, classes = _target_rows(target, known, models, settings, format=format)
    _check_unseen(model, source, own.name, format=format)
    analysis = _Analysis(known, (own, other), settings, classes, progress or Progress())
    return describe_run(
        model=str(model),
        task=known,
        sides=(own, other),
        classes=classes,
        settings=vars(settings),
        models=[analysis.of(each, precision) for each in models],
    )


class _Analysis:
    """Goes through models one after the other; later ones are compared with the first."""

    def __init__(
        self,
        task: Task,
        sides: tuple[SideRows, SideRows],
        settings: AnalysisSettings,
        classes: str,
        progress: Progress,
    ) -> None:
        self.task, self.sides, self.settings = task, sides, settings
        self.classes, self.progress = classes, progress
        self._first: dict[Place, tuple[SampledRows, SampledRows]] = {}

    def of(self, model: ModelToAnalyze, precision: Precision) -> dict[str, Any]:
        """What one model shows."""
        served = model.opened(self.task, precision=precision)
        places = self._places(model, served)
        accumulators = {place: self._accumulator(place) for place in places}
        self.progress.start(
            f"{model.name}: passes", sum(len(side.rows) for side in self.sides), "rows"
        )
        weights = model.weights if self.classes == "corrected" else None
        run_pass(served, self.sides, accumulators, weights=weights, advance=self.progress.advance)
        self.progress.finish()
        self.progress.start(f"{model.name}: measures", len(places), "layers")
        layers = []
        for place, accumulator in accumulators.items():
            layers.append(self._measured(place, accumulator))
            self.progress.advance(1)
        self.progress.finish()
        if not self._first:
            self._first = {
                place: (each.sampled(is_target=False), each.sampled(is_target=True))
                for place, each in accumulators.items()
            }
            self._check_classes(layers)
        return {"name": model.name, "layers": layers}

    def _measured(self, place: Place, accumulator: ShiftAccumulator) -> dict[str, Any]:
        settings = self.settings
        shift = accumulator.result(replicates=settings.replicates, level=settings.level)
        names = self.task.known_labels.names if self._has_classes(place) else None
        before = self._first.get(place)
        now = (accumulator.sampled(is_target=False), accumulator.sampled(is_target=True))
        pairs = None if before is None else tuple(zip(before, now, strict=True))
        return describe_place(place, shift, names, pairs)

    def _places(self, model: ModelToAnalyze, served: ServedModel) -> list[Place]:
        """Layers, each in every view; the features last, where there is a head that uses them."""
        last = layer_count(served.classifier)
        wanted = self.settings.layers or [*range(last + 1), FEATURES]
        for layer in wanted:
            if layer != FEATURES and layer not in range(last + 1):
                raise IsoglossError("E703", layer=layer, name=model.name, last=last)
        default: tuple[View, ...] = ("active",) if served.task.kind == "token" else ("cls", "mean")
        views = list(dict.fromkeys(self.settings.views or default))
        numbers = sorted({layer for layer in wanted if layer != FEATURES})
        places: list[Place] = [(layer, view) for view in views for layer in numbers]
        if FEATURES in wanted and model.has_head(self.task):
            places.append((FEATURES, own_view(served.classifier)))
        return places

    def _has_classes(self, place: Place) -> bool:
        return has_classes(place, tagging=self.task.kind == "token")

    def _accumulator(self, place: Place) -> ShiftAccumulator:
        size = len(self.task.known_labels) if self._has_classes(place) else 1
        return ShiftAccumulator(size, sample=self.settings.sample, seed=self.settings.seed)

    def _check_classes(self, layers: Sequence[Mapping[str, Any]]) -> None:
        """Name the classes that only one side has.

        Raises:
            IsoglossError: E706 where that leaves none.
        """
        for each in layers:
            if each["conditional"] is None:
                continue
            if len(each["left_out"]) == len(self.task.known_labels):
                names = {"source": self.sides[0].name, "target": self.sides[1].name}
                raise IsoglossError("E706", **names)
            if each["left_out"]:
                warn("W700", names=", ".join(each["left_out"]))
            return


def _source_rows(source: Where, task: Task, *, format: str | None) -> SideRows:
    name = name_of(source, default="the source")
    loaded = load(source, format=format)
    rows = prepare(loaded, task.columns, side="source", name=name, labels="required")
    return SideRows(rows=task.conform(rows, name=name), name=name, labelled=True)


def _target_rows(
    target: Where,
    task: Task,
    models: Sequence[ModelToAnalyze],
    settings: AnalysisSettings,
    *,
    format: str | None,
) -> tuple[SideRows, str]:
    """The target's rows, and what stands for their classes."""
    name = name_of(target, default="the target")
    keep: Literal["required", "optional", "drop"] = "drop"
    if settings.classes in ("labels", "auto"):
        keep = "required" if settings.classes == "labels" else "optional"
    loaded = load(target, format=format)
    rows = prepare(loaded, task.columns, side="target", name=name, labels=keep)
    rows = task.conform(rows, name=name)
    labelled = task.columns.target in rows.column_names
    if labelled:
        task.check_labels(rows, name=name)
        return SideRows(rows=rows, name=name, labelled=True), "labels"
    for model in models:
        if not model.has_head(task):
            column = task.columns.label or task.columns.target
            raise IsoglossError("E704", name=name, column=column, model=model.name)
    unbalanced = [model.name for model in models if model.weights is None]
    if settings.classes == "corrected" and unbalanced:
        raise IsoglossError("E705", model=unbalanced[0])
    predicted = settings.classes == "predicted" or bool(unbalanced)
    chosen = "predicted" if predicted else "corrected"
    return SideRows(rows=rows, name=name, labelled=False), chosen


def _check_unseen(model: str | Path, source: Where, name: str, *, format: str | None) -> None:
    """Warn where the source rows are those that a run was trained on."""
    record = Path(model) / RECORD
    if not record.is_file():
        return
    digest = content_digest(source, load(source, format=format))
    if read_json(record)["data"].get("source") == digest:
        warn("W701", name=name, folder=model)

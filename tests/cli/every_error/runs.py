"""Errors of training, run folders, settings, analysis, studies and the paper's tables."""

from __future__ import annotations

import importlib.util
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq

from isogloss import cluster
from isogloss.data.locking import LOCK, _myself
from isogloss.recipes import settings
from isogloss.recipes.predict_shards import predict_shards
from tests.cli.every_error import ADAPT, Case, Place

IWDA = ADAPT.replace("zero-shot", "iwda") + " --set iwda."
PREDICT = "predict {t}/run {w}/test.csv -o {t}/out.csv"
PRIOR = "prior {t}/run {w}/de.csv"
STUDY = "study --model {w}/run --target {w}/test.csv -o {t}/new --sets 3 --size "
KD = ADAPT.replace("zero-shot", "kd") + " --set distill.frozen_layers=1"
FEW = ADAPT + " --labelled-target {t}/few.csv"


def shards(place: Place) -> None:
    (place.tmp / "in").mkdir()
    texts = pa.table({"text": ["gut", "schlecht"], "other": ["a", "b"]})
    pq.write_table(texts, place.tmp / "in" / "a.parquet")


def labelled_shards(place: Place) -> None:
    shards(place)
    predict_shards(place.world / "run", place.tmp / "in", place.tmp / "out")


def one_of_two(place: Place) -> None:
    place.patch.setenv("WORLD_SIZE", "2")


def without_ray(place: Place) -> None:
    place.patch.setattr(cluster, "find_spec", lambda name: None)


def run(place: Place) -> None:
    place.copy("run")


def unfinished(place: Place) -> None:
    shutil.rmtree(place.copy("run") / "model")


def without_target(place: Place) -> None:
    config = place.copy("run") / "config.yaml"
    config.write_text(config.read_text("utf-8").replace("de.csv", "gone.csv"), "utf-8")


def with_broken(name: str):
    def before(place: Place) -> None:
        (place.copy("run") / name).write_bytes(b"\xff{")

    return before


def other_classes(place: Place) -> None:
    config = place.copy("run") / "model" / "config.json"
    values = json.loads(config.read_text("utf-8"))
    values["isogloss"]["labels"] = ["one", "two", "three", "four", "five"]
    config.write_text(json.dumps(values), "utf-8")


def changed_data(place: Place) -> None:
    folder = place.copy("run")
    record = json.loads((folder / "run.json").read_text("utf-8"))
    record["data"]["source"] = "another"
    (folder / "run.json").write_text(json.dumps(record), "utf-8")


def other_labels(place: Place) -> None:
    folder = shutil.copytree(place.world / "run" / "model", place.tmp / "teacher")
    values = json.loads((folder / "config.json").read_text("utf-8"))
    values["id2label"] = {index: f"other {index}" for index in values["id2label"]}
    values.pop("label2id", None)
    values["isogloss"]["labels"] = list(values["id2label"].values())
    (folder / "config.json").write_text(json.dumps(values), "utf-8")


def without_tensorboard(place: Place) -> None:
    place.patch.setattr(settings, "find_spec", lambda _: None)
    assert importlib.util.find_spec is not settings.find_spec


def few(place: Place) -> None:
    lines = (place.world / "test.csv").read_text("utf-8").splitlines(keepends=True)
    (place.tmp / "few.csv").write_text("".join(lines[:15]), "utf-8")


def few_of_source(place: Place) -> None:
    lines = (place.world / "en.csv").read_text("utf-8").splitlines(keepends=True)
    (place.tmp / "few.csv").write_text("".join(lines[:15]), "utf-8")


def taken_here(place: Place) -> None:
    folder = place.copy("run")
    (folder / LOCK).write_text(json.dumps(_myself()), "utf-8")


def taken_elsewhere(place: Place) -> None:
    folder = place.copy("run")
    (folder / LOCK).write_text(json.dumps(_myself() | {"host": "elsewhere"}), "utf-8")


CASES = {
    "E501": Case(ADAPT + " --max-steps 6 --set finetune.learning_rate=1e38 --set precision=fp32"),
    "E510": Case(IWDA + "weighting=magic"),
    "E511": Case(IWDA + "n_critic=0"),
    "E513": Case(IWDA + "critic=mmd --set iwda.n_critic=2"),
    "E350": Case(IWDA + "fp16=true"),
    "E515": Case(IWDA + "'gradient_checkpointing_kwargs={{a: 1}}'"),
    "E516": Case(IWDA + "tokens_per_batch=64 --set iwda.bucket_by_length=false"),
    "E517": Case(IWDA + "critic=mmd --set iwda.weighting=interval"),
    "E520": Case(ADAPT.replace("{t}/new", "{t}"), {"thesis.txt": "all of it"}),
    "E522": Case("adapt --config {t}/run/config.yaml -o {t}/run", before=changed_data),
    "E523": Case(ADAPT + " --set holdout=0.01"),
    "E524": Case("predict {t}/nowhere {w}/test.csv -o {t}/out.csv"),
    "E525": Case(PREDICT, before=unfinished),
    "E526": Case("predict {w}/encoder {w}/test.csv -o {t}/out.csv"),
    "E527": Case(ADAPT + " --set start={t}"),
    "E528": Case(ADAPT + " --set start={w}/run --seed 7"),
    "E529": Case("predict {w}/run {t}/x.csv -o {t}/x.csv", {"x.csv": "text\na\n"}),
    "E530": Case("predict {w}/run {t}/x.csv -o {t}/y.csv", {"x.csv": "text,prediction\na,b\n"}),
    "E532": Case(PRIOR, before=with_broken("held-out.safetensors")),
    "E533": Case(PRIOR, before=other_classes),
    "E536": Case(KD + " --teacher {t}/teacher", before=other_labels),
    "E537": Case(KD + " --teacher {w}/encoder"),
    "E538": Case(ADAPT + " --student {w}/encoder"),
    "E539": Case(KD + " --teacher {w}/run --set start={w}/run --set max_length=32"),
    "E541": Case("select {t}/run zero-shot", before=without_target),
    "E542": Case(ADAPT + " --budget 1"),
    "E543": Case(ADAPT.replace("zero-shot", "auto") + " --set holdout=0"),
    "E544": Case(IWDA + "tokens_per_batch=64 --set iwda.sampling=balanced"),
    "E546": Case("select {t}/run zero-shot", before=taken_here),
    "E547": Case("select {t}/run zero-shot", before=taken_elsewhere),
    "E645": Case(ADAPT + " --set finetune.hub_token=secret"),
    "E652": Case(ADAPT + " --seeds 2"),
    "E660": Case(FEW + " --test {w}/test.csv", before=few),
    "E661": Case(FEW, before=few_of_source),
    "E662": Case(FEW, {"few.csv": "text,label\na,1\nb,2\n"}),
    "E663": Case(FEW.replace("zero-shot", "bilingual"), before=few),
    "E702": Case("analyze {t} --source {w}/en.csv --target {w}/test.csv"),
    "E704": Case("analyze {w}/encoder --source {w}/en.csv --target {w}/de.csv -o {t}/new"),
    "E705": Case(
        "analyze {w}/run/model --source {w}/en.csv --target {w}/test.csv -o {t} --classes corrected"
    ),
    "E706": Case(
        "analyze {w}/run --source {t}/a.csv --target {t}/b.csv -o {t}/new --classes labels",
        {"a.csv": "text,label\na,1\nb,2\n", "b.csv": "text,label\nc,3\nd,4\n"},
    ),
    "E722": Case("resample {w}/test.csv --prior 1=1.5 -o {t}/x.csv"),
    "E723": Case("resample {w}/test.csv --prior 1=0.9 --size 30 -o {t}/x.csv"),
    "E724": Case(
        "resample {t}/x.jsonl --task token --prior B-X=0.9,O=0.1 --tolerance 0.01 -o {t}/y.jsonl",
        {"x.jsonl": '{"tokens": ["a", "b"], "tags": ["O", "B-X"]}\n' * 3},
    ),
    "E725": Case(STUDY + "30"),
    "E726": Case(f"{STUDY}5 --model {{t}}/teacher", before=other_labels),
    "E727": Case(STUDY.replace("{w}/run", "{w}/run/model") + "5"),
    "E731": Case(STUDY.replace("{w}/run", "{w}/encoder") + "5"),
    "E733": Case(
        "resample {t}/x.csv --prior a=0.5 -o {t}/x.csv", {"x.csv": "text,label\na,a\nb,b"}
    ),
    "E740": Case("report {w}/run -o {t}/report.txt"),
    "E760": Case(ADAPT + " --set tensorboard=true", before=without_tensorboard),
}

REPRODUCE = "reproduce table1 --model {w}/encoder --output {t}/out --data "
CASES |= {
    "E801": Case(REPRODUCE + "{t}"),
    "E802": Case(REPRODUCE + "hub"),
    "E803": Case(REPRODUCE.replace("table1", "table2") + "hub --languages de"),
    "E805": Case(REPRODUCE.replace("table1", "{t}/x.yaml") + "{t}", {"x.yaml": "parts: 3"}),
    "E806": Case(REPRODUCE + "{t} --languages tlh"),
    "E807": Case(REPRODUCE + "{t}", {"out/reproduce.json": '{"fraction": 0.5}'}),
    "E808": Case(REPRODUCE + "{t} --fraction 0"),
    "E812": Case(REPRODUCE + "{t}", {"out/thesis.txt": "all of it"}),
    "E813": Case(REPRODUCE + "{t}/nowhere"),
    "E817": Case(REPRODUCE + "{t} --engine ray", before=without_ray),
}

SHARDS = "predict {w}/run {t}/in -o {t}/out"
CASES |= {
    "E550": Case(SHARDS + " --text other", before=labelled_shards),
    "E551": Case(SHARDS, {"out/thesis.txt": "all of it"}, before=shards),
    "E552": Case(SHARDS, {"in/a.csv": "text\na\n"}),
    "E553": Case(SHARDS, {"out": "a file"}, before=shards),
    "E556": Case(ADAPT, before=one_of_two),
}

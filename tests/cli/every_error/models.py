"""Errors of models, the offline encoder's among them."""

from __future__ import annotations

import json
from pathlib import Path

from isogloss.models.offline import convert, wheel
from tests.cli.every_error import ADAPT, Case, Place

IN = "inspect --source {w}/en.csv --target {w}/de.csv --model "
WITH = ADAPT.replace("{w}/encoder", "{t}/encoder")
OFFLINE = f"{IN}offline"


def edited(name: str, **changes: object):
    """A copy of the encoder with other values in one of its JSON files."""

    def before(place: Place) -> None:
        path = place.copy("encoder") / name
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")

    return before


def only_config(place: Place) -> Path:
    folder = place.copy("encoder")
    (folder / "model.safetensors").unlink()
    return folder


def pickled(place: Place) -> None:
    (only_config(place) / "weights.pt").write_bytes(b"cos\nsystem\n")


def sharded(place: Place) -> None:
    index = {"weight_map": {"a": "../encoder/pytorch_model.bin"}}
    (only_config(place) / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")


def without_tokenizer(place: Place) -> None:
    (place.copy("encoder") / "tokenizer.json").unlink()


def without_padding(place: Place) -> None:
    folder = place.copy("encoder")
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / name).is_file():
            values = json.loads((folder / name).read_text("utf-8"))
            values.pop("pad_token", None)
            (folder / name).write_text(json.dumps(values), "utf-8")


def damaged(place: Place) -> None:
    (place.copy("encoder") / "model.safetensors").write_bytes(b"\xff" * 100)


def alone(place: Place) -> None:
    """No cache, no packages."""
    place.patch.setenv("ISOGLOSS_CACHE", str(place.tmp / "cache"))
    for module in (wheel, convert):
        if hasattr(module, "package_folder"):
            place.patch.setattr(module, "package_folder", lambda _: None)


def with_file(content: bytes | None, length: int = 0):
    """A package of the encoder that holds this, blown up to a length."""

    def before(place: Place) -> None:
        place.patch.setenv("ISOGLOSS_CACHE", str(place.tmp / "cache"))
        place.patch.setattr(wheel, "package_folder", lambda _: place.tmp)
        path = place.tmp / wheel.ENCODER_FILE.path
        if content is not None:
            with path.open("wb") as file:
                file.write(content)
                file.truncate(max(length, len(content)))

    return before


def without_table(place: Place) -> None:
    place.patch.setenv("ISOGLOSS_CACHE", str(place.tmp / "cache"))
    place.patch.setattr(convert, "charsmap_sources", list)
    place.patch.setattr(convert, "locate", lambda _: place.tmp)


def no_room(place: Place) -> None:
    (place.tmp / "file").write_bytes(b"")
    place.patch.setenv("ISOGLOSS_CACHE", str(place.tmp / "file"))
    place.patch.setattr(convert, "charsmap_sources", lambda: ["sentencepiece"])
    for name in ("locate", "read_packed", "load_charsmap"):
        place.patch.setattr(convert, name, lambda _: place.tmp)


CASES = {
    "E310": Case(f"{IN}no-such-owner/no-such-model"),
    "E311": Case(IN + "{t}"),
    "E312": Case(WITH, before=only_config),
    "E313": Case(WITH, before=pickled),
    "E314": Case(WITH, before=without_tokenizer),
    "E316": Case(WITH, before=edited("config.json", intermediate_size=4)),
    "E319": Case(IN + "'no such/model/at all'"),
    "E320": Case(WITH, before=edited("config.json", model_type="vit")),
    "E321": Case(WITH, before=edited("config.json", model_type="made-up")),
    "E322": Case(WITH, before=edited("config.json", vocab_size=3)),
    "E325": Case(WITH, before=without_padding),
    "E326": Case(WITH, before=damaged),
    "E330": Case(OFFLINE, before=alone),
    "E331": Case(OFFLINE, before=with_file(None)),
    "E332": Case(OFFLINE, before=with_file(b"E5S1")),
    "E333": Case(OFFLINE, before=with_file(b"E5S1", wheel.ENCODER_FILE.length)),
    "E335": Case(OFFLINE, before=without_table),
    "E337": Case(OFFLINE, before=no_room),
    "E345": Case(ADAPT.replace("zero-shot", "kd") + " --set distill.frozen_layers=9"),
    "E360": Case(WITH, before=sharded),
}

"""Errors that no command can end in, and why."""

from __future__ import annotations

OBJECTS = "takes objects, where commands take files"
REVIEWS = "guards the functions behind the demo, whose command offers only what they take"
SERVED = "guards a part that the command line feeds with checked values only"
LATER = "guards files that only a killed run of another version leaves"
NUMBERS = "guards arrays given to the numerical functions; commands make them"
CELLS = "is written into the table as a failed cell, and the command goes on"

LIBRARY = {
    "E120": OBJECTS,
    "E125": OBJECTS,
    "E130": "comes after E105, as the second column has a name by default",
    "E132": OBJECTS,
    **dict.fromkeys(["E180", "E181", "E182", "E183", "E184", "E185"], REVIEWS),
    "E200": OBJECTS,
    "E204": OBJECTS,
    "E205": OBJECTS,
    "E206": "needs a length below the least that settings allow",
    "E207": "comes after E315",
    "E210": OBJECTS,
    "E211": OBJECTS,
    "E212": OBJECTS,
    "E213": OBJECTS,
    "E315": "needs a tokenizer that transformers has no fast form of; it makes one of all known",
    "E317": "needs an architecture whose classification head ends in no linear layer",
    "E318": "needs an architecture without a place for pooling",
    "E323": OBJECTS,
    "E324": "is written to folders that the run has made",
    "E327": "comes after E640",
    "E328": "has no option",
    "E329": "needs a disk that fills up while a model is written",
    "E334": "comes after E333, as the file is checked by its digest first",
    "E336": "comes after E333, as the file is checked by its digest first",
    **dict.fromkeys(["E340", "E341", "E343"], SERVED),
    **dict.fromkeys(["E400", "E401", "E402", "E403", "E404", "E405", "E406", "E408"], NUMBERS),
    "E420": "comes after E534",
    "E421": "comes after E646",
    "E423": NUMBERS,
    "E424": NUMBERS,
    **dict.fromkeys(["E430", "E431", "E432"], OBJECTS),
    "E512": SERVED,
    "E514": "needs an architecture without layers that can be recomputed",
    "E518": LATER,
    "E519": SERVED,
    "E545": LATER,
    "E548": "needs a disk that fills up while a checkpoint is written",
    "E554": "needs a shard that changes while it is read; `tests/recipes/test_predict_shards.py`",
    "E555": "needs workers that die; `tests/recipes/test_predict_shards.py`",
    "E651": LATER,
    "E700": SERVED,
    "E701": OBJECTS,
    "E729": "needs runs of two tasks; `tests/recipes/test_study.py` has them",
    "E804": CELLS,
    "E809": CELLS,
    "E810": CELLS,
    "E814": CELLS,
    "E815": CELLS,
    "E816": CELLS,
    "E818": "needs a cluster that does not answer; `tests/test_cluster.py`",
    "E819": CELLS,
    "E820": CELLS,
}

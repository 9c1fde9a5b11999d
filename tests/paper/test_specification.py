from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from isogloss.errors import IsoglossError
from isogloss.paper.specification import FOLDER, names, read_specification, specification


def test_every_table_and_figure_is_specified_and_valid() -> None:
    wanted = [f"table{n}" for n in range(1, 11)] + [f"figure{n}" for n in range(1, 10)]
    assert list(names()) == wanted
    for name in names():
        assert specification(name).name == name


def test_what_the_paper_says_of_its_experiments() -> None:
    assert (specification("table1").seeds, specification("TABLE2").seeds) == (3, 5)
    assert len(specification("table4").parts[0].languages) + 1 == 40
    assert specification("table5").preset == "paper-alternating"
    assert specification("table6").parts[0].partition == 20_000
    for name, sets in (("figure1", 500), ("figure4", 700)):
        shift = specification(name).shift
        assert shift is not None
        assert (shift.sets, shift.rows) == (sets, 2_500)
    marc, wikiann = specification("figure6").parts
    assert list(marc.source_prior.values()) == [0.1486, 0.0643, 0.0803, 0.1928, 0.5141]
    assert wikiann.source_with == "O"


def changed(tmp_path: Path, **changes: Any) -> Path:
    values = yaml.safe_load((FOLDER / "table2.yaml").read_text("utf-8"))
    part = values["parts"][0]
    for name, value in changes.items():
        place = part if name in part or name in ("partition", "source_prior") else values
        if value is None:
            del place[name]
        else:
            place[name] = value
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values), "utf-8")
    return path


def test_a_specification_of_ones_own(tmp_path: Path) -> None:
    spec = specification(str(changed(tmp_path, languages=["nl"], seeds=2)))
    assert (spec.name, spec.table, spec.parts[0].languages, spec.seeds) == (
        "mine",
        None,
        ("nl",),
        2,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"title": None},
        {"methods": None},
        {"seeds": 0},
        {"seeds": True},
        {"colour": "blue"},
        {"corpus": "atlantis"},
        {"languages": ["fr"]},
        {"languages": ["en", "de"]},
        {"languages": ["de", "de"]},
        {"languages": "de"},
        {"methods": ["magic"]},
        {"metric": "bleu"},
        {"preset": "fast"},
        {"draws": ["magic"]},
        {"claims": ["all is well"]},
        {"shift": {"sets": 3}},
        {"shift": {"sets": 0, "rows": 10}},
        {"shift": 5},
        {"partition": -1},
        {"source_prior": {"1": 1.0}},
        {"parts": {}},
    ],
)
def test_e805_a_specification_that_is_none(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(IsoglossError) as caught:
        read_specification(changed(tmp_path, **changes))
    assert caught.value.code == "E805"
    assert "mine.yaml" in str(caught.value)


def test_e800_an_unknown_name() -> None:
    with pytest.raises(IsoglossError, match=r"^E800.*the nearest is 'table1"):
        specification("tabel1")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(IsoglossError, match=r"^E641"):
        specification(str(tmp_path / "none.yaml"))

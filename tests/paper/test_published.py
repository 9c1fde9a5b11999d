from __future__ import annotations

from collections import Counter

from isogloss.paper.published import FILE, published, published_table
from isogloss.paper.specification import names, specification


def test_every_figure_is_there() -> None:
    found = published()
    assert len(found) == 547
    assert {one.table for one in found} == set(range(1, 11))
    assert all(0.0 < one.value < 100.0 for one in found)
    places = Counter((one.table, one.method, one.language) for one in found)
    assert max(places.values()) == 1


def test_some_figures_of_the_paper() -> None:
    assert published_table(1)["iwda", "de"] == 51.94
    assert published_table(2)["zero-shot", "nl"] == 78.28
    assert published_table(10)["iwda-oracle", "zh"] == 76.10
    assert published_table(11) == {}


def test_the_source_is_named() -> None:
    assert "ICLR 2022" in FILE.read_text("utf-8").partition("\ntable,")[0]


def test_every_figure_belongs_to_its_specification() -> None:
    for name in (name for name in names() if name.startswith("table")):
        spec = specification(name)
        (part,) = spec.parts
        own = [one for one in published() if one.table == spec.table]
        assert {one.model for one in own} == {spec.model}
        assert {one.dataset for one in own} == {part.corpus}
        assert {one.metric for one in own} == {part.metric}
        assert {one.language for one in own} == {"en", *part.languages}
        assert {one.method for one in own} <= {*part.methods, *part.quoted}

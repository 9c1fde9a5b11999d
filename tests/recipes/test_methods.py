"""What the stages of a recipe start from."""

from __future__ import annotations

import pytest

from isogloss.recipes.methods import AUTO, RECIPES, lineages_of, stages_of, with_seeds


def test_a_student_has_none_of_its_teachers_weights() -> None:
    assert lineages_of(stages_of(AUTO)) == {
        "zero-shot": "zero-shot",
        "iwda": "zero-shot",
        "iwda+kd": "iwda+kd",
        "iwda+st": "zero-shot",
    }
    assert lineages_of(stages_of("wu2020", teacher="elsewhere")) == {"wu2020": "wu2020"}
    assert lineages_of(stages_of("keung2019")) == {"keung2019": "keung2019"}


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_stage_has_a_lineage(recipe: str) -> None:
    stages = [stage for stage in with_seeds(stages_of(recipe), 2) if not stage.members]
    found = lineages_of(stages)
    assert list(found) == [stage.name for stage in stages]
    assert set(found.values()) <= set(found)

"""What one model's rows refute, no other model's estimate believes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift import PriorEstimate, estimate_prior
from isogloss.selection import CandidateRows, agreed_estimates
from tests.helpers.candidates import candidate, draw_sides
from tests.helpers.shift import softmax

SIDES = draw_sides(400, 500, seed=0)
MODELS = {
    rows.name: rows
    for rows in (candidate(SIDES), candidate(SIDES, name="iwda"), candidate(SIDES, name="st"))
}


class Asked:
    """Estimates of each model's own rows; some models' tests are told to find something."""

    def __init__(self, **p_values: float) -> None:
        self.p_values = p_values
        self.calls: list[tuple[str, float]] = []

    def __call__(self, name: str, before: float) -> PriorEstimate:
        self.calls.append((name, before))
        rows: CandidateRows = MODELS[name]
        found = estimate_prior(
            softmax(rows.source_logits),
            rows.source_labels,
            softmax(rows.target_logits),
            p_value_before=before,
        )
        own = self.p_values.get(name, found.assumption_p_value)
        return replace(found, assumption_p_value=min(own, before))


def test_where_nothing_is_refuted_every_model_believes_its_own_rows() -> None:
    asked = Asked()
    found = agreed_estimates(list(MODELS), asked)
    assert asked.calls == [(name, 1.0) for name in MODELS]
    assert list(found) == list(MODELS)
    assert all(each.assumption_holds and each.shift_is_significant for each in found.values())


def test_what_one_refutes_is_refuted_for_all() -> None:
    asked = Asked(st=0.001)
    alone, found = Asked()("iwda", 1.0), agreed_estimates(list(MODELS), asked)
    assert asked.calls[3:] == [("zero-shot", 0.003), ("iwda", 0.003)]
    assert not any(each.assumption_holds for each in found.values())
    assert found["st"].assumption_p_value == 0.001
    # Each is what its model says when it knows, not another model's balance.
    assert found["iwda"].prior.tolist() == Asked()("iwda", 0.003).prior.tolist()
    assert found["iwda"].prior.tolist() != alone.prior.tolist()


@pytest.mark.parametrize(("p_value", "asked_again"), [(0.016, 2), (0.018, 0)])
def test_the_smallest_of_several_tests_counts_by_their_number(
    p_value: float, asked_again: int
) -> None:
    asked = Asked(st=p_value)
    agreed_estimates(list(MODELS), asked)
    assert len(asked.calls) == len(MODELS) + asked_again


def test_only_the_jury_tests() -> None:
    asked = Asked(st=0.001)
    found = agreed_estimates(list(MODELS), asked, jury=["zero-shot", "iwda"])
    assert len(asked.calls) == len(MODELS)
    assert found["iwda"].assumption_holds
    # A model without a voice hears what the jury finds.
    asked = Asked(iwda=0.001)
    assert not agreed_estimates(list(MODELS), asked, jury=["iwda"])["st"].assumption_holds
    with pytest.raises(IsoglossError, match="E409"):
        agreed_estimates(list(MODELS), asked, jury=["nobody"])

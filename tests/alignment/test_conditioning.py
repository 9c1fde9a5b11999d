"""What the critic sees."""

from __future__ import annotations

import pytest
import torch

from isogloss.alignment.conditioning import (
    CONDITIONINGS,
    EXACT_SIZE,
    Identity,
    Kronecker,
    RandomisedMultilinear,
    kronecker,
    make_conditioning,
)
from isogloss.errors import IsoglossError


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _rows(num_rows: int = 5, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = _generator(seed)
    features = torch.randn(num_rows, 4, generator=generator, dtype=torch.float64)
    return features, torch.rand(num_rows, 3, generator=generator).double().softmax(dim=1)


def test_kronecker_equals_the_product_row_by_row() -> None:
    features, probabilities = _rows()
    expected = torch.stack([torch.kron(f, p) for f, p in zip(features, probabilities, strict=True)])
    assert torch.equal(kronecker(features, probabilities), expected)
    assert torch.equal(make_conditioning("cdan", 4, 3)(features, probabilities), expected)


def test_summing_over_classes_gives_the_features_back() -> None:
    features, probabilities = _rows()
    crossed = kronecker(features, probabilities).unflatten(1, (4, 3)).sum(dim=2)
    torch.testing.assert_close(crossed, features)


def test_identity_is_the_features() -> None:
    features, probabilities = _rows()
    assert make_conditioning("none", 4, 3)(features, probabilities) is features


def test_random_equals_its_definition_entry_by_entry() -> None:
    features, probabilities = _rows()
    random = RandomisedMultilinear(4, 3, size=6, generator=_generator())
    found = random(features, probabilities)
    for i in range(5):
        for j in range(6):
            of_feature = sum(features[i, a] * random.feature_signs[a, j] for a in range(4))
            of_class = sum(probabilities[i, a] * random.class_signs[a, j] for a in range(3))
            torch.testing.assert_close(found[i, j], of_feature * of_class / 6**0.5)


def test_random_keeps_inner_products_the_better_the_wider() -> None:
    features, probabilities = _rows(20)
    crossed = kronecker(features, probabilities)
    errors = []
    for size in (64, 4096):
        rows = RandomisedMultilinear(4, 3, size=size, generator=_generator(1))(
            features, probabilities
        )
        errors.append(float((rows @ rows.T - crossed @ crossed.T).abs().mean()))
    scale = float((crossed @ crossed.T).abs().mean())
    # 64 times the width: an eighth of the error.
    assert errors[1] < 0.05 * scale
    assert 4 < errors[0] / errors[1] < 16


def test_random_is_fixed_by_its_generator_and_saved_not_trained() -> None:
    first, again, other = (
        RandomisedMultilinear(4, 3, size=8, generator=_generator(seed)) for seed in (0, 0, 1)
    )
    rows = _rows()
    assert torch.equal(first(*rows), again(*rows))
    assert not torch.equal(first(*rows), other(*rows))
    assert not list(first.parameters())
    other.load_state_dict(first.state_dict())
    assert torch.equal(first(*rows), other(*rows))


def test_auto_is_exact_up_to_the_bound_and_random_beyond() -> None:
    assert isinstance(make_conditioning("auto", EXACT_SIZE // 4, 4), Kronecker)
    beyond = make_conditioning("auto", EXACT_SIZE // 4, 5, size=32)
    assert isinstance(beyond, RandomisedMultilinear)
    assert beyond.out_features == 32


@pytest.mark.parametrize("name", ["auto", "cdan", "none"])
def test_only_random_draws(name: str) -> None:
    generator = _generator()
    state = generator.get_state()
    make_conditioning(name, 4, 3, generator=generator)
    assert torch.equal(generator.get_state(), state)


@pytest.mark.parametrize("name", CONDITIONINGS)
def test_gradients_reach_the_features_only(name: str) -> None:
    features, probabilities = (rows.requires_grad_() for rows in _rows())
    conditioning = make_conditioning(name, 4, 3, size=6, generator=_generator())
    conditioning(features, probabilities).square().sum().backward()
    assert probabilities.grad is None
    assert torch.autograd.gradcheck(lambda f: conditioning(f, probabilities), (features,))


@pytest.mark.parametrize("name", CONDITIONINGS)
def test_no_rows_are_no_rows_and_other_rows_are_refused(name: str) -> None:
    conditioning = make_conditioning(name, 4, 3, size=6)
    empty = conditioning(torch.zeros(0, 4), torch.zeros(0, 3))
    assert empty.shape == (0, conditioning.out_features)
    with pytest.raises(IsoglossError, match="E405"):
        conditioning(torch.zeros(2, 4), torch.zeros(3, 3))


def test_identity_is_as_wide_as_the_features_and_another_name_is_refused() -> None:
    assert isinstance(make_conditioning("none", 4, 3), Identity)
    assert make_conditioning("none", 4, 3).out_features == 4
    with pytest.raises(IsoglossError, match="E409"):
        make_conditioning("kronecker", 4, 3)

"""What the critic sees."""

from __future__ import annotations

import pytest
import torch

from isogloss.alignment.conditioning import CONDITIONINGS, identity, kronecker
from isogloss.errors import IsoglossError


def test_kronecker_equals_the_product_row_by_row() -> None:
    features, probabilities = torch.randn(5, 4), torch.rand(5, 3).softmax(dim=1)
    expected = torch.stack([torch.kron(f, p) for f, p in zip(features, probabilities, strict=True)])
    assert torch.equal(kronecker(features, probabilities), expected)


def test_gradients_reach_the_features_only() -> None:
    features = torch.randn(5, 4, requires_grad=True)
    probabilities = torch.rand(5, 3, requires_grad=True)
    kronecker(features, probabilities).sum().backward()
    assert probabilities.grad is None
    assert features.grad is not None
    torch.testing.assert_close(features.grad, probabilities.detach().sum(1, True).expand(5, 4))


def test_summing_over_classes_gives_the_features_back() -> None:
    features, probabilities = torch.randn(6, 4), torch.rand(6, 3).softmax(dim=1)
    crossed = kronecker(features, probabilities).unflatten(1, (4, 3)).sum(dim=2)
    torch.testing.assert_close(crossed, features)


def test_identity_is_the_features() -> None:
    features = torch.randn(2, 4)
    assert identity(features, torch.rand(2, 3)) is features


@pytest.mark.parametrize("name", sorted(CONDITIONINGS))
def test_no_rows_are_no_rows_and_other_rows_are_refused(name: str) -> None:
    assert len(CONDITIONINGS[name](torch.zeros(0, 4), torch.zeros(0, 3))) == 0
    with pytest.raises(IsoglossError, match="E405"):
        CONDITIONINGS[name](torch.zeros(2, 4), torch.zeros(3, 3))

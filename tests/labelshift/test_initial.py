"""The mixture of an estimate with no shift."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isogloss.errors import IsoglossError
from isogloss.labelshift.initial import mix


def test_mixing_runs_from_the_estimate_to_no_shift() -> None:
    """Fault 8: mixing 0 is a mixture like any other."""
    weights = np.array([0.2, 1.8])
    np.testing.assert_array_equal(mix(weights, 0.0), weights)
    np.testing.assert_array_equal(mix(weights, 1.0), [1.0, 1.0])
    np.testing.assert_allclose(mix(weights, 0.25), [0.4, 1.6])


def test_tensors_stay_tensors() -> None:
    mixed = mix(torch.tensor([0.2, 1.8]), 0.5)
    torch.testing.assert_close(mixed, torch.tensor([0.6, 1.4]))


@pytest.mark.parametrize("rho", [-0.1, 1.1, float("nan")])
def test_other_mixtures_are_refused(rho: float) -> None:
    with pytest.raises(IsoglossError, match="E407"):
        mix(np.ones(2), rho)

"""Predicted probabilities made to mean what they say, on labelled rows the model did not see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.optimize

from isogloss.labelshift.checks import (
    Floats,
    Integers,
    check_choice,
    check_labels,
    check_probabilities,
    check_shape,
    finite_array,
)

CALIBRATIONS = ("none", "temperature", "bcts", "vector")
_SMALLEST = 1e-12


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A calibration of the form `softmax(scale * log p + bias)`.

    Attributes:
        scale: (k,) > 0; below 1 it makes predictions less sure. All equal but for "vector".
        bias: (k,) added to the logarithms.

    References:
        Guo et al., ICML 2017 (temperature, vector); Alexandari, Kundaje & Shrikumar, ICML 2020
        (bias-corrected temperature).
    """

    scale: Floats
    bias: Floats

    @property
    def temperature(self) -> float:
        """What the logarithms are divided by, as a geometric mean over the classes."""
        return float(np.exp(-np.log(self.scale).mean()))

    def __call__(self, probabilities: Floats) -> Floats:
        """Calibrated probabilities.

        Args:
            probabilities: (n, k), rows sum to 1.

        Returns:
            (n, k), rows sum to 1.
        """
        return softmax(log_probabilities(probabilities) * self.scale + self.bias)


def fit_calibration(
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    kind: str = "bcts",
    counts: npt.ArrayLike | None = None,
) -> Calibration:
    """Fit a calibration to labelled rows by penalised maximum likelihood.

    A standard normal prior on the logarithm of each scale and on each bias keeps the fit finite
    where a class has few rows or none.

    Args:
        probabilities: (n, k) predicted on rows that the model was not fitted to.
        labels: (n,) classes in 0..k-1.
        kind: "none"; "temperature": one scale; "bcts": one scale and a bias for each class;
            "vector": a scale and a bias for each class.
        counts: (n,) how often each row counts; once each by default.

    Raises:
        IsoglossError: E400, E401, E403, E404, E405, E406 for unusable rows, E409 for another kind.
    """
    check_choice(kind, CALIBRATIONS, name="calibration")
    rows = check_probabilities(probabilities, name="the source probabilities")
    num_classes = rows.shape[1]
    classes = check_labels(labels, num_classes, name="the source labels")
    check_shape(classes, (len(rows),), name="the source labels")
    weights = np.ones(len(rows)) if counts is None else finite_array(counts, name="the counts")
    check_shape(weights, (len(rows),), name="the counts")
    basis = parameters_of(kind, num_classes)
    if basis.shape[1] == 0:
        return _unpack(np.zeros(2 * num_classes))
    found = scipy.optimize.minimize(
        _objective,
        np.zeros(basis.shape[1]),
        args=(basis, log_probabilities(rows), classes, weights),
        jac=True,
        method="L-BFGS-B",
    )
    return _unpack(basis @ found.x)


def parameters_of(kind: str, num_classes: int) -> Floats:
    """(2k, number of parameters): how a kind's parameters make (log scales, biases)."""
    one_scale = np.zeros((2 * num_classes, 1))
    one_scale[:num_classes] = 1.0
    biases = np.eye(2 * num_classes)[:, num_classes:]
    return {
        "none": np.zeros((2 * num_classes, 0)),
        "temperature": one_scale,
        "bcts": np.hstack([one_scale, biases]),
        "vector": np.eye(2 * num_classes),
    }[kind]


def softmax(scores: Floats) -> Floats:
    """Rows of scores (n, k) as probabilities."""
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    normalised: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
    return normalised


def log_probabilities(probabilities: Floats) -> Floats:
    """Logarithms (n, k), finite where a probability is 0."""
    logs: Floats = np.log(np.maximum(probabilities, _SMALLEST))
    return logs


def _unpack(values: Floats) -> Calibration:
    num_classes = len(values) // 2
    return Calibration(scale=np.exp(values[:num_classes]), bias=values[num_classes:])


def _objective(
    parameters: Floats, basis: Floats, logs: Floats, labels: Integers, counts: Floats
) -> tuple[float, Floats]:
    """Penalised negative log-likelihood and its gradient."""
    fitted = _unpack(basis @ parameters)
    probabilities = softmax(logs * fitted.scale + fitted.bias)
    index = np.arange(len(labels))
    value = -float(counts @ log_probabilities(probabilities)[index, labels])
    residual = probabilities * counts[:, None]
    residual[index, labels] -= counts
    by_class = np.concatenate([(residual * logs).sum(axis=0) * fitted.scale, residual.sum(axis=0)])
    gradient = basis.T @ by_class
    return value + 0.5 * float(parameters @ parameters), gradient + parameters

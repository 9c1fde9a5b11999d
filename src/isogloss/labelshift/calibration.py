"""Predicted probabilities made to mean what they say, on labelled rows the model did not see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.optimize

from isogloss.labelshift.checks import Floats, Integers, check_labels, check_probabilities

_SMALLEST = 1e-12


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Bias-corrected temperature scaling: `softmax(log p / temperature + bias)`.

    Attributes:
        temperature: > 0; above 1 it makes predictions less sure.
        bias: (k,) added to the logarithms, sums to about 0.

    References:
        Alexandari, Kundaje & Shrikumar, ICML 2020.
    """

    temperature: float
    bias: Floats

    def __call__(self, probabilities: Floats) -> Floats:
        """Calibrated probabilities.

        Args:
            probabilities: (n, k), rows sum to 1.

        Returns:
            (n, k), rows sum to 1.
        """
        return _softmax(_log(probabilities) / self.temperature + self.bias)


def fit_calibration(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, *, counts: npt.ArrayLike | None = None
) -> Calibration:
    """Fit a calibration to labelled rows by penalised maximum likelihood.

    A standard normal prior on the logarithm of the temperature and on each bias keeps the fit
    finite where a class has few rows or none.

    Args:
        probabilities: (n, k) predicted on rows that the model was not fitted to.
        labels: (n,) classes in 0..k-1.
        counts: (n,) how often each row counts; once each by default.

    Raises:
        IsoglossError: E400, E401, E403, E404, E405, E406 for unusable rows.
    """
    rows = check_probabilities(probabilities, name="the source probabilities")
    classes = check_labels(labels, rows.shape[1], name="the source labels")
    weights = np.ones(len(rows)) if counts is None else np.asarray(counts, dtype=np.float64)
    logs = _log(rows)
    start = np.zeros(1 + rows.shape[1])
    found = scipy.optimize.minimize(
        _objective, start, args=(logs, classes, weights), jac=True, method="L-BFGS-B"
    )
    return Calibration(temperature=float(np.exp(-found.x[0])), bias=found.x[1:])


def _objective(
    parameters: Floats, logs: Floats, labels: Integers, counts: Floats
) -> tuple[float, Floats]:
    """Penalised negative log-likelihood and its gradient; the first entry is -log temperature."""
    scale, bias = np.exp(parameters[0]), parameters[1:]
    probabilities = _softmax(logs * scale + bias)
    index = np.arange(len(labels))
    value = -float(counts @ _log(probabilities[index, labels]))
    residual = probabilities * counts[:, None]
    residual[index, labels] -= counts
    gradient = np.concatenate([[scale * float((residual * logs).sum())], residual.sum(axis=0)])
    return value + 0.5 * float(parameters @ parameters), gradient + parameters


def _softmax(scores: Floats) -> Floats:
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    normalised: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
    return normalised


def _log(probabilities: Floats) -> Floats:
    logs: Floats = np.log(np.maximum(probabilities, _SMALLEST))
    return logs

"""Feature shift between two languages, on arrays alone: no text, no encoder.

`ShiftAccumulator` takes features as they stream by; `feature_shift` takes them all at once;
`mmd_squared`, `linear_cka`, `debiased_cka` and `class_mean_cka` are the measures by themselves.
"""

from isogloss.analysis.estimate import MEASURES, FeatureShift, Measure
from isogloss.analysis.kernel import gaussian_kernel, median_bandwidth, mmd_squared
from isogloss.analysis.shift import ShiftAccumulator, feature_shift
from isogloss.analysis.similarity import class_mean_cka, debiased_cka, linear_cka

__all__ = [
    "MEASURES",
    "FeatureShift",
    "Measure",
    "ShiftAccumulator",
    "class_mean_cka",
    "debiased_cka",
    "feature_shift",
    "gaussian_kernel",
    "linear_cka",
    "median_bandwidth",
    "mmd_squared",
]

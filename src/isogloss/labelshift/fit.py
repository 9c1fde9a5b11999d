"""An estimated prior with what it rests on, the same for every method."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.linalg
import scipy.stats

from isogloss.labelshift.checks import Floats
from isogloss.labelshift.matching import Match
from isogloss.labelshift.moments import Moments

_DRAWS = 500
# Bundles that are resampled; more are drawn together, which leaves the spread as it is.
_RESAMPLED = 500


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A target prior over the classes that the source has.

    Attributes:
        prior: (k,) on the simplex.
        free: (k,) without the signs' constraint, the centre of the interval.
        source_influence: (bundles, k), what each source bundle adds to the estimate.
        target_influence: (bundles, k), likewise.
        extra: (k, k) covariance beside that of the bundles: of a violated assumption, of a target
            with too few rows to resample.
        unknown: (k, k) variance along what the statistics cannot see, for the interval alone.
        diagnostics: plain values that a method tells about itself.
        noise: expected squared length of the error of `prior`; of `free`'s where it is not given.
    """

    prior: Floats
    free: Floats
    source_influence: Floats
    target_influence: Floats
    extra: Floats
    unknown: Floats
    diagnostics: dict[str, Any] = field(default_factory=dict)
    noise: float | None = None

    @cached_property
    def covariance(self) -> Floats:
        """(k, k) of `free`, along what the statistics can see."""
        source, target = self.source_influence, self.target_influence
        found: Floats = source.T @ source + target.T @ target + self.extra
        return found

    def widened(self, factor: float) -> Fit:
        """The same estimate with `factor` times the variance."""
        root = np.sqrt(factor)
        return replace(
            self,
            source_influence=root * self.source_influence,
            target_influence=root * self.target_influence,
            extra=factor * self.extra,
        )

    def with_covariance(self, covariance: Floats) -> Fit:
        """The same estimate with the influences stretched to another covariance (k, k)."""
        contrasts = scipy.linalg.helmert(len(self.prior))
        try:
            own = np.linalg.cholesky(contrasts @ self.covariance @ contrasts.T)
            other = np.linalg.cholesky(contrasts @ covariance @ contrasts.T)
        except np.linalg.LinAlgError:
            # Some direction has no variance; all are stretched alike.
            own_size = max(float(np.trace(self.covariance)), 1e-300)
            return self.widened(float(np.trace(covariance)) / own_size)
        stretch = contrasts.T @ scipy.linalg.solve_triangular(own.T, other.T).T @ contrasts
        return replace(
            self,
            source_influence=self.source_influence @ stretch.T,
            target_influence=self.target_influence @ stretch.T,
            extra=stretch @ self.extra @ stretch.T,
        )

    def resampled(self, *, seed: int, draws: int = _DRAWS) -> Floats:
        """The estimate on resampled bundles of both sides, to first order: (draws, k).

        Resampling bundle b `n_b` times adds `(n_b - 1)` of its influence; rows of one bundle (the
        words of a sentence) go together.

        References:
            Efron & Tibshirani, An Introduction to the Bootstrap, ch. 13 and 22.6.
        """
        rng = np.random.default_rng(seed)
        found = np.repeat(self.free[None], draws, axis=0)
        for influence in (self.source_influence, self.target_influence):
            if len(influence):
                together = _together(influence)
                found += _resampled_counts(len(together), draws, rng) @ together
        values, vectors = np.linalg.eigh(self.extra + self.unknown)
        noise = rng.standard_normal((draws, len(values)))
        found += noise * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
        return found


def fit_from_match(moments: Moments, match: Match, **diagnostics: Any) -> Fit:
    """The estimate of matched moments.

    Args:
        moments: what was matched.
        match: the solution.
        **diagnostics: plain values to keep.
    """
    size = len(match.prior)
    contrasts = scipy.linalg.helmert(size)
    unseen = contrasts.T @ contrasts - match.known
    return Fit(
        prior=match.prior,
        free=match.free,
        source_influence=-moments.source_influence @ match.solver.T,
        target_influence=moments.target_influence @ match.solver.T,
        extra=match.solver @ moments.stand_in @ match.solver.T + match.misfit_covariance,
        unknown=unseen @ unseen.T,
        diagnostics=diagnostics,
    )


def shift_p_value(fit: Fit, source_prior: Floats) -> float:
    """P-value of the Wald test that the target's prior is the source's.

    Args:
        fit: the estimate.
        source_prior: (k,).
    """
    shift = fit.free - source_prior
    values, vectors = np.linalg.eigh(fit.covariance)
    kept = values > 1e-10 * max(float(values.max()), 1e-300)
    if not kept.any():
        return float(not np.abs(shift).max() > 1e-9)
    scaled = vectors[:, kept].T @ shift / np.sqrt(values[kept])
    return float(scipy.stats.chi2.sf(float(scaled @ scaled), int(kept.sum())))


def shrunk(fit: Fit, source_prior: Floats) -> tuple[Floats, float]:
    """Draw an estimate towards the source prior by as much as noise explains of its shift.

    Noise alone adds its own squared length, the trace of the covariance, to that of the shift; what
    exceeds it is kept.

    Args:
        fit: the estimate.
        source_prior: (k,).

    Returns:
        The prior (k,), and the share of the shift that is kept, in 0..1.

    References:
        James & Stein, 1961 (positive part, in its unbiased-risk form).
    """
    shift = fit.prior - source_prior
    length = float(shift @ shift)
    if length <= 0.0:
        return source_prior, 0.0
    noise = float(np.trace(fit.covariance)) if fit.noise is None else fit.noise
    kept = max(0.0, 1.0 - noise / length)
    return source_prior + kept * shift, kept


def _resampled_counts(size: int, draws: int, rng: np.random.Generator) -> Floats:
    """(draws, size) how often each of `size` is drawn in `size` draws with replacement, less 1."""
    chosen = rng.integers(0, size, (draws, size)) + size * np.arange(draws)[:, None]
    counts = np.bincount(chosen.ravel(), minlength=draws * size)
    return counts.reshape(draws, size).astype(np.float64) - 1.0


def _together(influence: Floats) -> Floats:
    if len(influence) <= _RESAMPLED:
        return influence
    of_row = np.arange(len(influence)) % _RESAMPLED
    order = np.argsort(of_row, kind="stable")
    starts = np.searchsorted(of_row[order], np.arange(_RESAMPLED))
    return np.asarray(np.add.reduceat(influence[order], starts, axis=0))

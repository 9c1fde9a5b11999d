"""What several models say of one target's class balance, none believing what others refute."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from isogloss.labelshift.checks import check_choice
from isogloss.labelshift.matching import VIOLATED
from isogloss.labelshift.prior_estimation import PriorEstimate


def agreed_estimates(
    names: Sequence[str],
    estimate: Callable[[str, float], PriorEstimate],
    *,
    jury: Collection[str] | None = None,
) -> dict[str, PriorEstimate]:
    """Estimate a target's prior from each model's rows; where one refutes label shift, all do.

    Whether texts of a class are alike on both sides is a matter of the data, and a test that a
    model's predictions pass says little: a classifier that cannot tell two classes apart finds
    any balance of them likely, and may be sure of one that is far off. So the smallest p-value
    of the models counts for all, times their number, as the smallest of so many is expected to
    be small (Bonferroni); a model whose own test passed is then asked again, knowing this.

    Args:
        names: of the models.
        estimate: from a name, and the p-value of tests that were made before (1: of none), to the
            estimate; see `PriorEstimator.estimate`.
        jury: names of the models whose tests count, at least one; None: all. Averages of a
            model's weights test nearly the same as it does.

    Returns:
        By name, in the order of the names.

    Raises:
        IsoglossError: E409 for an unknown member of the jury, and what `estimate` raises.

    Example:
        >>> agreed_estimates(
        ...     list(models),
        ...     lambda name, before: estimate_prior(*models[name], p_value_before=before),
        ... )
    """
    for name in jury or ():
        check_choice(name, names, name="the jury")
    found = {name: estimate(name, 1.0) for name in names}
    tests = [found[name].assumption_p_value for name in (found if jury is None else jury)]
    together = min(1.0, len(tests) * min(tests, default=1.0))
    if together >= VIOLATED:
        return found
    return {
        name: estimate(name, together) if each.assumption_holds else each
        for name, each in found.items()
    }

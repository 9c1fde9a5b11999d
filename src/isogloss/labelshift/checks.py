"""The coded checks that the label-shift modules share."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from isogloss.errors import IsoglossError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Softmax rows in half precision sum to one only this nearly.
_ROW_TOLERANCE = 2e-2


def finite_array(values: npt.ArrayLike, *, name: str) -> Floats:
    """Return `values` as float64, refusing NaN and infinity.

    Args:
        values: any array.
        name: what to call it in a message.

    Returns:
        The same values in float64, any shape.

    Raises:
        IsoglossError: E400 for NaN or infinite values.
    """
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise IsoglossError("E400", name=name)
    return array


def check_shape(array: np.ndarray, shape: tuple[int, ...], *, name: str) -> None:
    """Refuse an array of another shape.

    Args:
        array: any array.
        shape: the needed shape; -1 allows any length.
        name: what to call it in a message.

    Raises:
        IsoglossError: E405 for another shape.
    """
    fits = array.ndim == len(shape) and all(
        wanted in (-1, found) for wanted, found in zip(shape, array.shape, strict=True)
    )
    if not fits:
        expected = "(" + ", ".join("any" if size < 0 else str(size) for size in shape) + ")"
        raise IsoglossError("E405", name=name, shape=tuple(array.shape), expected=expected)


def check_nonnegative(array: Floats, *, name: str) -> None:
    """Refuse a negative entry.

    Args:
        array: (..., k) shares or probabilities.
        name: what to call it in a message.

    Raises:
        IsoglossError: E401 for a negative value.
    """
    if (array < 0).any():
        place = np.unravel_index(np.argmin(array), array.shape)
        raise IsoglossError("E401", name=name, value=float(array[place]), index=int(place[-1]))


def check_labels(labels: npt.ArrayLike, num_classes: int, *, name: str = "labels") -> Integers:
    """Return label ids as int64, refusing none at all and ids outside the classes.

    Args:
        labels: (n,) integers, each in 0..num_classes-1.
        num_classes: k.
        name: what to call them in a message.

    Returns:
        (n,) int64.

    Raises:
        IsoglossError: E404 without rows, E405 unless one-dimensional, E403 for an id outside.
    """
    array = np.asarray(labels, dtype=np.int64)
    check_shape(array, (-1,), name=name)
    if array.size == 0:
        raise IsoglossError("E404", name=name)
    outside = (array < 0) | (array >= num_classes)
    if outside.any():
        row = int(np.argmax(outside))
        value = int(array[row])
        raise IsoglossError("E403", name=name, value=value, row=row, last=num_classes - 1)
    return array


def check_probabilities(
    probabilities: npt.ArrayLike, *, name: str, num_classes: int = -1
) -> Floats:
    """Return predicted probabilities as float64 rows that sum to exactly one.

    Args:
        probabilities: (n, k), each row nonnegative and summing to 1 up to rounding of the model's
            precision, which is divided out.
        name: what to call them in a message.
        num_classes: k where it is known, else -1.

    Returns:
        (n, k) float64.

    Raises:
        IsoglossError: E400, E401, E404, E405, or E406 for rows that are not distributions.
    """
    array = finite_array(probabilities, name=name)
    check_shape(array, (-1, num_classes), name=name)
    if array.shape[0] == 0:
        raise IsoglossError("E404", name=name)
    check_nonnegative(array, name=name)
    totals = array.sum(axis=1)
    off = np.abs(totals - 1.0)
    if off.max() > _ROW_TOLERANCE:
        row = int(np.argmax(off))
        raise IsoglossError("E406", name=name, row=row, total=round(float(totals[row]), 6))
    return array / totals[:, None]


def check_range(value: float, low: float, high: float, *, name: str) -> None:
    """Refuse a number outside a closed range.

    Args:
        value: the number.
        low: smallest allowed.
        high: largest allowed.
        name: what to call it in a message.

    Raises:
        IsoglossError: E407 outside the range, or for NaN.
    """
    if not low <= value <= high:
        raise IsoglossError("E407", name=name, value=value, low=low, high=high)


def check_choice(value: str, choices: Collection[str], *, name: str) -> None:
    """Refuse a word that is not one of the choices.

    Args:
        value: the word.
        choices: what it may be.
        name: what to call it in a message.

    Raises:
        IsoglossError: E409 for another word.
    """
    if value not in choices:
        raise IsoglossError("E409", name=name, value=repr(value), choices=", ".join(choices))

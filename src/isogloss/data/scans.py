"""One column of a data set as arrays, without a Python object for every row.

`datasets` looks up the rows of a selection one by one; where a whole column is wanted, this reads
the table behind it, a chunk at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def numbers(dataset: datasets.Dataset, column: str) -> np.ndarray:
    """The values (n,) of a column of numbers, in the order of the rows."""
    values: np.ndarray = dataset.data.column(column).to_numpy()
    chosen = _chosen(dataset)
    return values if chosen is None else values[chosen]


def lists(dataset: datasets.Dataset, column: str) -> Iterator[pa.Array]:
    """The values of a column of lists, chunk by chunk.

    Rows of a selection come in the order of the table they were selected from; where that is not
    the selection's own, use it for sums only.
    """
    chosen = _chosen(dataset)
    if chosen is not None:
        chosen = np.sort(chosen)
    start = 0
    for chunk in dataset.data.column(column).chunks:
        if chosen is None:
            yield chunk
        else:
            first, last = np.searchsorted(chosen, [start, start + len(chunk)])
            yield chunk.take(pa.array(chosen[first:last] - start))
        start += len(chunk)


def items(dataset: datasets.Dataset, column: str) -> Iterator[np.ndarray]:
    """The items of all lists of a column of lists of numbers, chunk by chunk as `lists`."""
    for chunk in lists(dataset, column):
        yield pc.list_flatten(chunk).to_numpy()


def list_lengths(dataset: datasets.Dataset, column: str) -> np.ndarray:
    """How many items (n,) the list of each row has, in the order of the rows."""
    return _in_own_order(_lengths(dataset, column), dataset)


def flat(dataset: datasets.Dataset, column: str) -> tuple[np.ndarray, np.ndarray]:
    """The items (r,) of the lists of all rows, and how many (n,) each has, in the rows' order."""
    values = np.concatenate([np.zeros(0, dtype=np.int64), *items(dataset, column)])
    lengths = _lengths(dataset, column)
    chosen = _chosen(dataset)
    if chosen is None:
        return values, lengths
    starts = np.cumsum(lengths) - lengths
    # Where each row's list stands among those that `lists` gives.
    place = np.argsort(np.argsort(chosen, kind="stable"))
    own = lengths[place]
    shift = np.repeat(starts[place] - (np.cumsum(own) - own), own)
    return values[np.arange(len(values)) + shift], own


def mean_length(dataset: datasets.Dataset, column: str) -> float:
    """Mean number of items in the lists of a column; 0 where there are no rows."""
    total = sum(len(found) for found in items(dataset, column))
    return total / max(1, len(dataset))


def ranks(dataset: datasets.Dataset, column: str) -> np.ndarray:
    """The rank (n,) of each row's list among the different lists, in the order of Python's tuples.

    Args:
        dataset: the rows.
        column: lists of ints >= 0.
    """
    found = [np.zeros(0, dtype=np.int32), *items(dataset, column)]
    flat = np.concatenate(found)
    # As bytes, most significant first, lists of numbers compare like tuples.
    spelled = flat.astype("u1" if flat.max(initial=0) < 256 else ">u4")
    ends = np.concatenate([[0], np.cumsum(_lengths(dataset, column))]) * spelled.itemsize
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(spelled.tobytes())]
    keys = pa.Array.from_buffers(pa.large_binary(), len(dataset), buffers).dictionary_encode()
    order = pc.sort_indices(keys.dictionary).to_numpy()
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order), dtype=order.dtype)
    return _in_own_order(rank[keys.indices.to_numpy()], dataset)


def places(dataset: datasets.Dataset) -> np.ndarray:
    """Which rows (n,) of the table that it was selected from a data set consists of, in order."""
    chosen = _chosen(dataset)
    return np.arange(len(dataset)) if chosen is None else chosen


def _lengths(dataset: datasets.Dataset, column: str) -> np.ndarray:
    counts = [pc.list_value_length(chunk).to_numpy() for chunk in lists(dataset, column)]
    return np.concatenate([np.zeros(0, dtype=np.int64), *counts]).astype(np.int64)


def _in_own_order(values: np.ndarray, dataset: datasets.Dataset) -> np.ndarray:
    """Values (n,) that came as `lists` gives them, in the order of the rows."""
    chosen = _chosen(dataset)
    if chosen is None:
        return values
    ordered = np.empty_like(values)
    ordered[np.argsort(chosen, kind="stable")] = values
    return ordered


def _chosen(dataset: datasets.Dataset) -> np.ndarray | None:
    """Which rows (n,) of its table a data set consists of, `None` for all of them in order."""
    # There is no public way to ask that does not go through Python objects.
    indices = dataset._indices
    return None if indices is None else indices.column(0).to_numpy().astype(np.int64)

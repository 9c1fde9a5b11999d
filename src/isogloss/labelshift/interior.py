"""Quadratic programs with logarithms over part of the simplex, many at once: an interior point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.labelshift.checks import Floats, Integers
from isogloss.labelshift.limits import Bools

# Distance, in the product of a slack and its multiplier, at which an answer counts as exact.
_EXACT = 1e-15
# A step this short, from there, is rounding.
_STILL = 1e-8
# Far more than the 10 to 40 that all but the worst conditioned problems take.
_MOST_STEPS = 200
# How far of the way to the boundary one step may go.
_REACH = 0.995


@dataclass(frozen=True, kw_only=True)
class Program:
    """Minimise `1/2 x'Qx - c'x - Σ_j rows_j log x_j` over `low <= x <= high`, `sizes·x = total`.

    Attributes:
        curvature: Q (g, g), positive semidefinite, positive along the constraint.
        rows: (g,) strengths of the logarithms, at least 0.
        low: (g,) at least 0.
        high: (g,) above `low`.
        order: (o, g) of -1, 0 and 1: `order @ x >= 0` as well.
        sizes: (g,) positive.
        total: what `sizes·x` is; strictly between `sizes·low` and `sizes·high`.
    """

    curvature: Floats
    rows: Floats
    low: Floats
    high: Floats
    order: Floats
    sizes: Floats
    total: float


def solve_programs(program: Program, linear: Floats) -> Floats:
    """Solve the program for several linear terms at once.

    A primal-dual path-following method: the product of each slack and its multiplier goes to 0,
    and for the slack x_j of a logarithm to rows_j instead, so the logarithms cost nothing extra.

    Args:
        program: what the problems share; some x must meet every inequality strictly.
        linear: c of each problem, (B, g).

    Returns:
        (B, g), exact to about 1e-7 where the curvature is at least 1.

    References:
        Wright, Primal-Dual Interior-Point Methods, 1997, ch. 5 and 6.
    """
    path = _Path(program, linear)
    for _ in range(_MOST_STEPS):
        if not path.active.size:
            break
        path.step()
    return path.x


class _Path:
    """The iterates of all problems; `active` are those not yet solved."""

    def __init__(self, program: Program, linear: Floats) -> None:
        size, count = program.low.size, len(linear)
        self._program, self._linear = program, linear
        # Rows of `matrix @ x >= offset`: x >= 0, x >= low, x <= high, and the order.
        eye = np.eye(size)
        self._matrix = np.vstack([eye, eye, -eye, program.order])
        self._offset = np.concatenate(
            [np.zeros(size), program.low, -program.high, np.zeros(len(program.order))]
        )
        self._goal = np.zeros(self._offset.size)
        self._goal[:size] = program.rows

        room = program.high - program.low
        part = (program.total - program.sizes @ program.low) / (program.sizes @ room)
        inside = program.low + part * room
        self.x = np.tile(inside, (count, 1))
        self._dual = np.zeros(count)
        slack = np.maximum(self._matrix @ inside - self._offset, 1e-3 * inside.max())
        self._slack = np.tile(slack, (count, 1))
        self._distance = np.ones(count)
        self._multiplier = (self._goal + 1.0) / self._slack
        self.active = np.arange(count)

    def step(self) -> None:
        """Move every active problem along its Newton direction and shorten its distance."""
        now, matrix, program = self.active, self._matrix, self._program
        x, slack, multiplier = self.x[now], self._slack[now], self._multiplier[now]
        goal = self._goal + self._distance[now, None]
        missing = x @ matrix.T - self._offset - slack
        stationarity = (
            x @ program.curvature
            - self._linear[now]
            + self._dual[now, None] * program.sizes
            - multiplier @ matrix
        )
        wanted = (goal - multiplier * missing) / slack - multiplier
        move, dual_move = self._newton(
            multiplier / slack,
            wanted @ matrix - stationarity,
            program.total - x @ program.sizes,
        )
        slack_move = move @ matrix.T + missing
        multiplier_move = (goal - multiplier * slack_move) / slack - multiplier
        length = np.minimum(_room(slack, slack_move), _room(multiplier, multiplier_move))

        self.x[now] = x + length[:, None] * move
        self._dual[now] += length * dual_move
        self._slack[now] = slack = slack + length[:, None] * slack_move
        self._multiplier[now] = multiplier = multiplier + length[:, None] * multiplier_move
        still = (np.abs(move).max(axis=1) <= _STILL) & (length > 0.99)
        self._shorten(now, length, slack * multiplier, still=still)

    def _newton(self, ratio: Floats, right: Floats, total: Floats) -> tuple[Floats, Floats]:
        """Solve for the moves of x (B, g) and of the constraint's multiplier (B,)."""
        program, size = self._program, self._program.low.size
        system = np.zeros((len(ratio), size + 1, size + 1))
        system[:, :size, :size] = program.curvature
        if len(program.order):
            weighted = program.order.T * ratio[:, None, 3 * size :]
            system[:, :size, :size] += weighted @ program.order
        diagonal = np.arange(size)
        system[:, diagonal, diagonal] += ratio[:, : 3 * size].reshape(-1, 3, size).sum(axis=1)
        system[:, :size, size] = system[:, size, :size] = program.sizes
        goal = np.column_stack([right, total])[:, :, None]
        moves = np.asarray(np.linalg.solve(system, goal)[:, :, 0], dtype=np.float64)
        return moves[:, :size], moves[:, size]

    def _shorten(self, now: Integers, length: Floats, product: Floats, *, still: Bools) -> None:
        """Bring the goal nearer where the last one was met; who rests at the last goal is done."""
        distance = self._distance[now]
        goal = self._goal + distance[:, None]
        near = (np.abs(product - goal) <= 0.5 * goal).all(axis=1) & (length > 0.5)
        self.active = now[~(still & (distance <= _EXACT))]
        shorter = np.maximum(np.minimum(0.1 * distance, distance**1.5), _EXACT)
        self._distance[now] = np.where(near, shorter, distance)


def _room(values: Floats, moves: Floats) -> Floats:
    """How much of `moves` positive `values` (B, m) can take and stay positive, (B,) up to 1."""
    shrinking = np.where(moves < 0, -values / np.where(moves < 0, moves, -1.0), np.inf)
    return np.minimum(1.0, _REACH * shrinking.min(axis=1))

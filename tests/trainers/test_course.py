from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from isogloss.trainers.course import Course, course_of


def followed(total: int, points: int, *, begun: int = 0) -> list[dict[str, Any]]:
    """The log of a training whose model scores one more each time it is asked."""
    asked: list[int] = []

    def score() -> dict[str, float]:
        asked.append(1)
        return {"accuracy": float(len(asked))}

    course = Course(score, points=points)
    state = SimpleNamespace(global_step=begun, max_steps=total, log_history=[])
    course.on_train_begin(None, state, None)
    for step in range(begun + 1, total + 1):
        state.global_step = step
        course.on_step_end(None, state, None)
        state.log_history.append({"loss": 1.0, "step": step})
    return course_of(state.log_history)


@pytest.mark.parametrize(
    ("total", "points", "steps"),
    [(100, 4, [0, 25, 50, 75, 100]), (7, 3, [0, 3, 5, 7]), (2, 20, [0, 1, 2]), (5, 1, [0, 5])],
)
def test_points_are_the_beginning_and_even_steps(total: int, points: int, steps: list[int]) -> None:
    found = followed(total, points)
    assert [point["step"] for point in found] == steps
    assert [point["scores"]["accuracy"] for point in found] == [*range(1, len(steps) + 1)]


def test_what_goes_on_from_a_checkpoint_has_no_second_beginning() -> None:
    assert [point["step"] for point in followed(100, 4, begun=50)] == [75, 100]


def test_names_are_in_the_order_that_a_checkpoint_would_have_them_in() -> None:
    ((first,),) = [course_of([{"step": 0, "course": {"b": 1.0, "a": 2.0}}, {"loss": 1.0}])]
    assert list(first["scores"]) == ["a", "b"]

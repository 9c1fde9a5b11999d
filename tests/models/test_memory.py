from __future__ import annotations

import sys

import pytest

from isogloss.models.memory import release_freed_memory


class Node:
    """Part of a cycle, which reference counting alone does not free."""

    alive = 0

    def __init__(self) -> None:
        self.self = self
        Node.alive += 1

    def __del__(self) -> None:
        Node.alive -= 1


def test_garbage_is_collected() -> None:
    Node()
    release_freed_memory()
    assert Node.alive == 0


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert release_freed_memory() is False

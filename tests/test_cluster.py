"""Joining and leaving a Ray cluster, with a stand-in for Ray."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from isogloss import cluster as module
from isogloss.cluster import cluster
from isogloss.errors import IsoglossError


class Stand:
    """As much of Ray as is looked at; fails so often before it starts."""

    def __init__(self, failures: int = 0, *, joined: bool = False) -> None:
        self.failures, self.joined = failures, joined
        self.inits: list[dict[str, Any]] = []
        self.left = 0

    def is_initialized(self) -> bool:
        return self.joined

    def init(self, **options: Any) -> None:
        self.inits.append(options)
        if len(self.inits) <= self.failures:
            raise RuntimeError("timed out\nduring startup")

    def shutdown(self) -> None:
        self.left += 1


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(module, "find_spec", lambda name: object())

    def put(**options: Any) -> Stand:
        found = Stand(**options)
        monkeypatch.setitem(sys.modules, "ray", found)  # type: ignore[arg-type]
        return found

    return put


def test_a_cluster_of_one_s_own_is_quiet_and_ends_with_the_body(stand: Any) -> None:
    ray = stand()
    with cluster(None, 2):
        assert ray.left == 0
    assert ray.left == 1
    (options,) = ray.inits
    assert options["address"] == "local"
    assert options["num_cpus"] == 2
    assert options["include_dashboard"] is False
    assert options["log_to_driver"] is False


def test_a_slow_start_is_tried_again(stand: Any) -> None:
    ray = stand(failures=2)
    with cluster(None, None):
        pass
    assert len(ray.inits) == 3


@pytest.mark.parametrize(("address", "tries"), [(None, 3), ("10.0.0.1:6379", 1)])
def test_a_cluster_that_does_not_start_is_an_error(
    stand: Any, address: str | None, tries: int
) -> None:
    ray = stand(failures=9)
    failing = pytest.raises(IsoglossError, match="timed out during startup")
    with failing as caught, cluster(address, None):
        pass
    assert caught.value.code == "E818"
    assert len(ray.inits) == tries


def test_a_cluster_that_the_program_has_joined_stays(stand: Any) -> None:
    ray = stand(joined=True)
    with cluster(None, None) as found:
        assert found is ray
    assert ray.inits == []
    assert ray.left == 0


def test_without_ray_there_is_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(IsoglossError) as caught, cluster(None, None):
        pass
    assert caught.value.code == "E817"

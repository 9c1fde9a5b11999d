"""What a tester class says of itself becomes parameters and fixtures of its tests."""

from __future__ import annotations

from typing import Any

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames and hasattr(metafunc.cls, "kinds"):
        metafunc.parametrize("kind", metafunc.cls.kinds)


@pytest.fixture(scope="class")
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tester's trainer after an unbroken run; what has several uses is trained once."""
    trainer = request.cls().build(tmp_path_factory.mktemp("finished"))
    trainer.train()
    return trainer

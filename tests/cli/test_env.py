from __future__ import annotations

import json
import platform

import torch
from typer.testing import CliRunner

from isogloss.cli.app import app
from isogloss.cli.env import PACKAGES, installed_version


def test_versions_and_machine_as_json() -> None:
    result = CliRunner().invoke(app, ["env", "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["python"] == platform.python_version()
    assert facts["torch"] == torch.__version__
    assert facts["threads"] == torch.get_num_threads()
    assert facts["precision chosen"] in ("bf16", "fp32")
    assert isinstance(facts["offline encoder"], bool)


def test_the_table_names_everything() -> None:
    result = CliRunner().invoke(app, ["env"])
    assert result.exit_code == 0, result.output
    assert all(name in result.stdout for name in PACKAGES)


def test_a_package_that_is_not_there() -> None:
    assert installed_version("no-such-package-here") is None

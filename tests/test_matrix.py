import logging
import warnings
from pathlib import Path

import pytest

from tests import matrix

REPORT = '<testsuites><testsuite errors="1" failures="2" skipped="3" tests="10"/></testsuites>'
CORNER = matrix.Corner("oldest", "no-such-python", "constraints-oldest.txt")


def test_errors_count_as_failures(tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    path.write_text(REPORT, "utf-8")
    assert matrix.counts(path) == (4, 3, 3)


def test_a_missing_python_is_skipped_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        matrix.main(["--oldest", CORNER.python, "--only", "oldest", "--build", str(tmp_path)]) == 1
    )
    assert "skipped: there is no no-such-python here" in capsys.readouterr().out


def test_a_stand_in_without_python_is_missing(tmp_path: Path) -> None:
    stand_in = tmp_path / "python3.99"
    stand_in.write_text("#!/bin/sh\nexit 127\n", "utf-8")
    stand_in.chmod(0o755)
    assert not matrix.runs(str(stand_in))


def test_every_row_has_every_column() -> None:
    versions = tuple(str(number) for number in range(len(matrix.SHOWN) + 1))
    rows = [
        matrix.Row(CORNER, versions, "5 passed, 0 failed, 0 skipped", True),
        matrix.Row(CORNER, (), "skipped: there is no python3.11 here", True),
    ]
    lines = matrix.table(rows).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert "5 passed" in lines[2]


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-oldest.txt"])
def test_constraints_pin_torch_exactly(name: str) -> None:
    lines = (matrix.ROOT / name).read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("torch==")]


def test_deprecations_are_errors() -> None:
    with pytest.raises(DeprecationWarning, match="goes away"):
        warnings.warn("goes away", DeprecationWarning, stacklevel=1)
    with pytest.raises(DeprecationWarning, match="torch_dtype"):
        logging.getLogger("transformers.modeling_utils").warning("`torch_dtype` is deprecated!")

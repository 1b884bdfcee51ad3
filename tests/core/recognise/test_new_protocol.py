"""The script that makes a protocol's skeleton."""

import shutil
from pathlib import Path

import pytest

from scripts.new_protocol import ROOT, make

FAMILIES = "scanner/core/recognise/protocols"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / FAMILIES, tmp_path / FAMILIES)
    return tmp_path


def test_a_skeleton_is_one_row_and_one_test_that_are_python(tree: Path) -> None:
    row, test = make("new-thing", "tools", tree)
    for path in (row, test):
        compile(path.read_text(), str(path), "exec")
    assert row.read_text().count('Protocol(\n        "new-thing",') == 1
    assert row.read_text().rindex('"new-thing"') < row.read_text().rindex("\n)\n")


@pytest.mark.parametrize(("name", "family"), [("New", "tools"), ("x", "nowhere"), ("ajp13", "tools"), ("ajp13", "web")])
def test_what_cannot_be_is_refused_and_nothing_written(tree: Path, name: str, family: str) -> None:
    before = {path: path.read_bytes() for path in tree.rglob("*.py")}
    with pytest.raises(ValueError, match=r"name is|families are|already"):
        make(name, family, tree)
    assert {path: path.read_bytes() for path in tree.rglob("*.py")} == before

"""Every block of the library's page runs, from top to bottom, and type checkers accept the whole."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import scanner

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "library.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All blocks as one program."""
    path = tmp_path_factory.mktemp("page") / "page.py"
    path.write_text("\n\n".join(BLOCKS))
    return path


def test_every_block_runs(script: Path) -> None:
    done = subprocess.run([sys.executable, script.name], cwd=script.parent, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    for said in ("192.0.2.1", "6 endpoints", "finding_id,sweep_id,", "hecmtl-db", " endpoints compared\n"):
        assert said in done.stdout


@pytest.mark.parametrize(
    "words", [["mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache" / "user")], ["pyright"]]
)
def test_type_checkers_accept_the_page(words: list[str], script: Path) -> None:
    if importlib.util.find_spec(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed (it is in the dev extra)")
    if words[0] == "pyright" and shutil.which("node") is None:
        pytest.skip("pyright needs node")
    python = ["--pythonpath", sys.executable] if words[0] == "pyright" else []
    command = [sys.executable, "-m", *words, *python, script.name]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_names_nothing_that_is_not_there() -> None:
    named = set(re.findall(r"`(?:scanner\.)?(\w+)\(", PAGE)) | set(re.findall(r"`scanner\.(\w+)`", PAGE))
    known = set(scanner.__all__) | set(dir(scanner.ScanResult)) | set(dir(scanner.ScanStream)) | set(dir(scanner.Store))
    assert named - known - {"judge"} == set()

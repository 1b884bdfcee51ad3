"""The examples come with the program: in the wheel, with a command that says where they are."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scanner.cli.app import run

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
FILES = {
    str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*") if path.is_file() and path.suffix != ".pyc"
}  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without asking any index."""
    if importlib.util.find_spec("hatchling") is None or importlib.util.find_spec("pip") is None:
        pytest.skip("needs hatchling and pip")
    folder = tmp_path_factory.mktemp("wheel")
    words = ("-q", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT))
    command = [sys.executable, "-m", "pip", "wheel", *words]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_has_every_example(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = {name.removeprefix("scanner/examples/") for name in packed.namelist() if "/examples/" in name}
    assert names - {name for name in names if name.endswith(".pyc")} == FILES


def test_an_installed_program_says_where_they_are(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path)
    command = [sys.executable, "-m", "scanner", "examples"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"Copy what you need from {tmp_path}/scanner/examples:\n" in done.stdout
    assert "office/audit.toml" in done.stdout


def test_each_example_says_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["examples"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == f"Copy what you need from {EXAMPLES}:"
    said = dict(line.strip().split("  ", 1) for line in lines)
    assert said.keys() == {name for name in FILES if not name.endswith(".svg")}
    assert all(len(words.split()) > 2 for words in said.values())
    assert max(map(len, lines)) <= 110


def test_without_examples_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("scanner.cli.commands.examples.examples_folder", lambda: None)
    assert run(["examples"]) == 2
    assert capsys.readouterr().err.startswith("scanner: this installation came without examples; ")

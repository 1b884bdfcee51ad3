"""Whatever a file is called, its name reaches the terminal without unseen characters, in every message."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command

NAME = "a\x1b]0;owned\x07b\u202ec"
POLICY = "[[expect]]\nnetworks = ['10.0.0.1']\nports = [22]\nowner = 'IT'\nreview = true\n"
SCAN = ("scan", "127.0.0.1", "-p", "1", "--history", "h.db")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of every kind with such a name, good ones and bad ones."""
    (tmp_path / f"{NAME}.bad").write_text("300.1.1.1 bad")
    (tmp_path / f"{NAME}.list").write_text("127.0.0.1\n")
    (tmp_path / f"{NAME}.policy").write_text(POLICY)
    (tmp_path / f"{NAME}.audit").write_text("targets = ['127.0.0.1']\nports = [1]\npolicy = 'none'\n")
    return tmp_path


@pytest.mark.parametrize("option", ["--policy", "--scope", "-iL", "--registry", "--excludefile", "-o", "-oX", "--pcap"])
@pytest.mark.parametrize("ending", [".nothing", ".bad", "/inside"])
def test_a_file_that_an_option_names(folder: Path, command: Command, option: str, ending: str) -> None:
    status, *streams = command(*SCAN, option, NAME + ending)
    for text in streams:
        assert not [each for each in text if each != "\n" and not each.isprintable()]
    assert status == 2 or option.startswith(("-o", "--pcap"))


@pytest.mark.parametrize(
    "arguments",
    [
        (NAME,),
        ("scan", NAME),
        ("scan", f"--{NAME}"),
        ("scan", f"--{NAME}\nnext"),
        ("scan", "127.0.0.1", "-p", "1", "--history", f"{NAME}.bad"),
        ("scan", "127.0.0.1", "-p", "1", "--history", f"{NAME}.db"),
        ("scan", "127.0.0.1", "-p", NAME),
        ("scan", "127.0.0.1", "-p", "1", "--engine", NAME),
        ("scan", "127.0.0.1", "-p", "1", "--rate", NAME),
        ("scan", "127.0.0.1", "-p", "1", "--shard", NAME),
        (*SCAN, "--policy", f"{NAME}.policy"),
        (*SCAN, "--policy", f"{NAME}.policy", "--dry-run"),
        ("scan", "-iL", f"{NAME}.list", "-p", "1", "--history", "h.db"),
        ("sweep", f"{NAME}.audit"),
        ("sweep", f"{NAME}.nothing"),
        ("resume", NAME),
        ("diff", NAME, NAME),
        ("history", "show", NAME),
        ("policy", "check", f"{NAME}.policy"),
        ("policy", "explain", "10.0.0.1", "22", "--policy", f"{NAME}.policy"),
        ("policy", "explain", NAME, "22", "--policy", f"{NAME}.policy"),
        ("registry", "update", "--from", NAME),
        ("registry", "update", "--from", f"{NAME}.bad"),
        ("registry", "info", "--registry", f"{NAME}.bad"),
        ("rule", NAME),
        ("port", NAME),
        ("listening", NAME),
    ],
)
def test_a_name_in_any_argument(folder: Path, command: Command, arguments: tuple[str, ...]) -> None:
    _, *streams = command(*arguments)
    for text in streams:
        assert not [each for each in text if each != "\n" and not each.isprintable()]
    assert any(streams) or arguments[:2] == ("scan", "-iL")

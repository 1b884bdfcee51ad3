"""What the snapshot tests share: the comparison, and the command line in this process at 80 columns."""

import pytest

from tests.cli.conftest import command as command_in_this_process
from tests.snapshots.snapshot import Command, Snapshots

command = command_in_this_process


@pytest.fixture
def snapshots(request: pytest.FixtureRequest) -> Snapshots:
    """Compares, or rewrites with `--update-snapshots`."""
    return Snapshots(update=bool(request.config.getoption("--update-snapshots")))


@pytest.fixture
def at_80_columns(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `scanner ARGUMENTS...` as on a terminal of 80 columns without colour."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    return command

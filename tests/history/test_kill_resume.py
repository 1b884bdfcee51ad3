"""No lost night: killed at any moment and resumed, a sweep ends with the same rows as one left in peace."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "bench" / "kill_resume.py"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_killed_and_resumed_is_the_same_as_left_in_peace() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--kills", "8"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed 8 times" in done.stdout
    assert "every sweep ended with the same rows" in done.stdout

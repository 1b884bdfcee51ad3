"""The user's own folders for this program: XDG on Linux, what the system has elsewhere.

A user may have none: a service user without a password entry and without HOME. Whoever asks says what is missed then,
by the error that fits; nothing is written to a folder that others can reach instead.
"""

from collections.abc import Callable
from pathlib import Path

from scanner.core.errors import ScannerError

NAME = "scanner"


def state_folder(missing: Callable[[str], ScannerError]) -> Path:
    """Return the folder for the history and for locks. It may not exist. Raises what `missing` makes of a sentence."""
    from platformdirs import user_state_path

    return _folder(lambda: user_state_path(NAME), "XDG_STATE_HOME", missing)


def data_folder(missing: Callable[[str], ScannerError]) -> Path:
    """Return the folder for the updated registry, likewise."""
    from platformdirs import user_data_path

    return _folder(lambda: user_data_path(NAME, appauthor=False), "XDG_DATA_HOME", missing)


def _folder(find: Callable[[], Path], variable: str, missing: Callable[[str], ScannerError]) -> Path:
    try:
        return find()
    except RuntimeError as error:
        raise missing(f"this user has no home folder; set HOME or {variable} to a folder") from error

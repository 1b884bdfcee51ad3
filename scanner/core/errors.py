"""Every error a user can cause, as one tree, and the type of what takes warnings.

An error's text is one line that says what is wrong, where, and what to do. The exit status is a property of the
class, so that the command line needs no table of its own. The text is sanitised here, once for all of them: it often
quotes names of files and lines of files, and an escape sequence in one must not reach a terminal.
"""

from collections.abc import Callable
from typing import TypeAlias

from scanner.core.sanitise import sanitise

Warn: TypeAlias = Callable[[str], None]
"""Takes one line that the user should see, where nothing fails."""


class ScannerError(Exception):
    """Something is wrong that a person can put right. `str(error)` is the one line they are shown."""

    exit_status = 2

    def __init__(self, text: str) -> None:
        """Keep `text` as one line without any unseen character."""
        super().__init__(sanitise(text))


class InvalidInput(ScannerError):
    """Words that cannot be understood: a target, a port, an option's value, a line of a file.

    `problem`, `where` and `cure` are as they were given; only the text of the error is sanitised.
    """

    def __init__(self, problem: str, *, where: str = "", cure: str = "") -> None:
        """`problem` what is wrong; `where` the argument or `file:line`; `cure` what to do about it."""
        self.problem, self.where, self.cure = problem, where, cure
        super().__init__((f"{where}: " if where else "") + problem + (f"; {cure}" if cure else ""))


class NotPermitted(ScannerError):
    """The operating system denies what an engine needs (a raw socket, say)."""


class RegistryUnusable(ScannerError):
    """A registry file that cannot be read, trusted or fetched."""


class HistoryUnusable(ScannerError):
    """A history database that is locked, damaged, read-only or newer than this program."""


class OutputFailed(ScannerError):
    """A file that cannot be written whole. Nothing half-written is left behind."""


class OutOfScope(ScannerError):
    """A target lies outside what the scope permits. Raised before the first probe."""

    exit_status = 4


class AlreadyRunning(ScannerError):
    """Another run holds the lock."""

    exit_status = 5


class NotCovered(ScannerError):
    """A sweep left endpoints unknown, and its caller requires that it does not."""

    exit_status = 3


def os_problem(error: OSError) -> str:
    """Return what the system says is wrong. `strerror` alone is None where an OSError carries no errno."""
    return error.strerror or str(error) or type(error).__name__

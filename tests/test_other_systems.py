"""What other systems lack is not needed to import this program, nor for what can work there."""

import subprocess
import sys

import pytest

HIDE = """
import builtins, os, select, signal, socket, sys
found = builtins.__import__
def without(name, globals=None, *more, **named):
    ours = (globals or {}).get("__name__", "").partition(".")[0] == "scanner"
    if ours and name.partition(".")[0] in {"fcntl", "resource", "pwd", "grp", "termios", "tty"}:
        raise ImportError(name)
    return found(name, globals, *more, **named)
builtins.__import__ = without
for module, names in (
    (os, ("O_NONBLOCK", "O_CLOEXEC", "O_NOFOLLOW", "O_TMPFILE", "fchown", "geteuid", "sched_getaffinity", "mkfifo")),
    (select, ("epoll", "poll", "kqueue")),
    (signal, ("SIGHUP", "SIGUSR1")),
    (socket, ("AF_PACKET", "AF_NETLINK")),
):
    for name in names:
        vars(module).pop(name, None)
"""

IMPORT_ALL = (
    HIDE
    + """
import importlib, pkgutil, scanner
for module in pkgutil.walk_packages(scanner.__path__, "scanner."):
    if module.name != "scanner.__main__":
        importlib.import_module(module.name)
print("imported")
"""
)

RUN = (
    HIDE
    + """
import asyncio, ctypes, ssl, subprocess, zoneinfo
sys.platform = "freebsd14"
from scanner.cli.app import run
sys.exit(run(sys.argv[1:]))
"""
)


def test_every_module_can_be_imported_without_what_only_posix_and_linux_have() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    assert done.stdout == "imported\n"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("port", "22"), 0),
        (("registry", "info"), 0),
        (("rule",), 0),
        (("scan", "127.0.0.1", "-p", "1", "-sT", "--no-history", "-q"), 0),
        (("scan", "127.0.0.1", "-p", "1", "-sS", "--no-history", "-q"), 2),
    ],
)
def test_what_needs_none_of_it_works_and_the_rest_is_one_line(arguments: tuple[str, ...], status: int) -> None:
    command = [sys.executable, "-c", RUN, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == (1 if status else 0)

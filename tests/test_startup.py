"""Start-up is felt: what a command does not need, it does not import."""

import subprocess
import sys

import pytest

# typer itself imports pydantic where that is installed.
HEAVY = {"numpy", "scapy", "netaddr", "sqlite3", "rich.progress", "cryptography", "asyncio"}


def imported_by(*arguments: str) -> set[str]:
    code = (
        "import sys; from scanner.cli.app import run; status = run(sys.argv[1:]); "
        "print('\\n' + ' '.join(sys.modules)); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--help",), ("scan", "--help"), ("rule",), ("--version",)])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert not imported_by(*arguments) & HEAVY


def test_a_port_is_looked_up_without_the_machinery_of_scanning() -> None:
    assert not imported_by("port", "22") & {"numpy", "scapy", "netaddr", "sqlite3", "rich", "asyncio"}


def test_importing_the_library_imports_nothing_else() -> None:
    code = "import sys, scanner; print(*sorted(m for m in sys.modules if m.startswith('scanner')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["scanner", "scanner.version"]


def test_every_public_name_can_be_had() -> None:
    import scanner

    for name in scanner.__all__:
        assert getattr(scanner, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = scanner.no_such_name

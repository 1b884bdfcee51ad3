"""`scanner examples`: where the example files are, and what each is for."""

import sys
from collections.abc import Iterator
from pathlib import Path

_SKIPPED = frozenset({".svg", ".pyc"})


def examples_command() -> None:
    """Say where the example files are: an audit, a policy, cron, systemd, scripts, tests."""
    from scanner.core.errors import InvalidInput

    folder = examples_folder()
    if folder is None:
        raise InvalidInput("this installation came without examples", cure="they are in the project's repository")
    sys.stdout.write("".join(f"{line}\n" for line in _lines(folder)))


def examples_folder() -> Path | None:
    """The folder: inside the package where it was installed from a wheel, beside it in a copy of the repository."""
    package = Path(__file__).parents[2]
    return next((place for place in (package / "examples", package.parent / "examples") if place.is_dir()), None)


def _lines(folder: Path) -> Iterator[str]:
    yield f"Copy what you need from {folder}:"
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in _SKIPPED)
    width = max(len(str(path.relative_to(folder))) for path in files)
    for path in files:
        yield f"  {path.relative_to(folder)!s:<{width}}  {_first_words(path)}"


def _first_words(path: Path) -> str:
    """The first sentence that a file says of itself, in its first comment or docstring."""
    line = path.read_text("utf-8").splitlines()[0].strip('#" ')
    return line.partition(". ")[0].rstrip(".")

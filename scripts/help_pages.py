"""Every command with its `--help`, as the program itself prints it at 80 columns."""

import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from typing import Any, cast

import typer


def command_paths() -> list[tuple[str, ...]]:
    """Return the words of every command and group, the program itself (no words) first."""
    from scanner.cli.app import make_app

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield words
        for name, each in getattr(command, "commands", {}).items():
            if not each.hidden:
                yield from walk(each, (*words, name))

    return list(walk(cast(Any, typer.main.get_command(make_app())), ()))


def help_page(words: tuple[str, ...]) -> str:
    """Return what `scanner WORDS --help` prints on a terminal of 80 columns."""
    from scanner.cli.app import run

    kept = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "80"
    try:
        with redirect_stdout(StringIO()) as printed:
            run([*words, "--help"])
    finally:
        os.environ.pop("COLUMNS")
        if kept is not None:
            os.environ["COLUMNS"] = kept
    return printed.getvalue()


def typer_series() -> str:
    """Return the major and minor version of typer, which decides how help is laid out."""
    return ".".join(typer.__version__.split(".")[:2])

"""Wires the commands together and turns errors into one line and an exit status.

Only typer is imported here: each command imports what it needs when it runs, so that `scanner --help` and
`scanner port 22` answer at once.
"""

import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from scanner.app.exit_status import EXIT_STATUS_HELP
from scanner.cli import foreign_words
from scanner.cli.commands.accept import accept_command
from scanner.cli.commands.demo import demo_command
from scanner.cli.commands.diff import diff_command
from scanner.cli.commands.examples import examples_command
from scanner.cli.commands.history import history_app
from scanner.cli.commands.import_scan import import_command
from scanner.cli.commands.init import init_command
from scanner.cli.commands.listening import listening_command
from scanner.cli.commands.policy import policy_app
from scanner.cli.commands.port import port_command
from scanner.cli.commands.reclassify import reclassify_command
from scanner.cli.commands.registry import registry_app
from scanner.cli.commands.report import report_command
from scanner.cli.commands.resume import resume_command
from scanner.cli.commands.rule import rule_command
from scanner.cli.commands.scan import scan_command
from scanner.cli.commands.sweep import sweep_command
from scanner.cli.help import Grouped, scan_epilog, width
from scanner.cli.shortage import end_quietly, shortage, too_little_memory
from scanner.cli.streams import output_failure, silence_output, warn
from scanner.core.errors import ScannerError
from scanner.core.sanitise import is_inert
from scanner.version import __version__

# typer carries its own copy of click in newer versions: this is ClickException in all of them.
UsageError: type[Exception] = typer.BadParameter.__mro__[2]

BUG = "this is a bug in scanner, not something you did; the lines above say where"

SCAN = "scan"
"""The command whose words may come from other scanners."""


def make_app() -> typer.Typer:
    """Return the whole command line."""
    app = typer.Typer(
        name="scanner",
        help="Find the open ports that nobody can explain.",
        epilog="Scan only what you own or have permission to test. First look: scanner demo",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": width()},
    )
    app.callback()(_root)
    app.command(SCAN, cls=Grouped, epilog=scan_epilog())(scan_command())
    app.command("init")(init_command)
    app.command("sweep", epilog=EXIT_STATUS_HELP)(sweep_command)
    app.command("resume", epilog=EXIT_STATUS_HELP)(resume_command)
    app.command("demo")(demo_command)
    app.command("import", epilog=EXIT_STATUS_HELP)(import_command)
    app.command("report")(report_command)
    app.command("diff")(diff_command)
    app.add_typer(history_app, name="history")
    app.command("reclassify")(reclassify_command)
    app.add_typer(policy_app, name="policy")
    app.command("accept")(accept_command)
    app.command("port")(port_command)
    app.command("listening")(listening_command)
    app.add_typer(registry_app, name="registry")
    app.command("rule")(rule_command)
    app.command("examples")(examples_command)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run a command line. Return the exit status; whatever goes wrong is one line on standard error."""
    if lack := too_little_memory():
        warn(lack)
        return 2
    try:
        command = typer.main.get_command(make_app())
        words = understood(arguments, command)
        result = command.main(args=words, standalone_mode=False, prog_name="scanner")
        if sys.stdout:
            sys.stdout.flush()
    except ScannerError as error:
        warn(str(error))
        return error.exit_status
    except UsageError as error:
        _say_usage(error)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        silence_output()
        return 0
    except Exception as error:  # noqa: BLE001 - the promise is exit 2; Python's own 1 would read as "findings"
        if failure := output_failure(error):
            warn(f"standard output: cannot be written: {failure}")
            silence_output()
        elif lack := shortage(error):
            end_quietly()
            warn(lack)
        else:
            traceback.print_exc()
            warn(BUG)
        return 2
    return int(result or 0)


def understood(arguments: Sequence[str], command: Any) -> list[str]:
    """Return a command line in our own words. Raises InvalidInput for words that mean nothing here."""
    first, *rest = arguments or [""]
    if not first:
        return []
    if first in ("help", "-V", "version"):
        return [*rest[:1], "--help"] if first == "help" else ["--version"]
    if problem := foreign_words.first_word(first, command.commands, is_target=_is_target):
        raise problem
    if first != SCAN:
        return list(arguments)
    words = foreign_words.translate(rest, _own_flags(command.commands[SCAN]))
    return ["--version"] if "--version" in words else [first, *words]


def _own_flags(command: Any) -> Mapping[str, foreign_words.OwnFlag]:
    """Return the flags of a command, those for help included, and whether they take a value."""
    found = {
        flag: foreign_words.OwnFlag(takes_value=not (each.is_flag or each.count))
        for each in command.params
        if each.param_type_name == "option"
        for flag in (*each.opts, *each.secondary_opts)
    }
    return found | {flag: foreign_words.OwnFlag(takes_value=False) for flag in ("-h", "--help")}


def _is_target(word: str) -> bool:
    from scanner.core.errors import InvalidInput
    from scanner.core.targets.targets import Word, parse_target

    try:
        parse_target(Word(word, "TARGET"))
    except InvalidInput:
        return False
    return any(mark in word for mark in ".:/") or word == "localhost"


def _say_usage(error: Exception) -> None:
    """Say wrong usage in one line; a command without its words says how it is used."""
    text = error.format_message()  # type: ignore[attr-defined]
    if "\n" in text and is_inert(text.replace("\n", "")):
        error.show()  # type: ignore[attr-defined]
        return
    context = getattr(error, "ctx", None)  # an option without its value comes without one
    warn(f"{text.rstrip('.')}; `{context.command_path if context else 'scanner COMMAND'} --help` says how")


def _root(
    *,
    version: bool = typer.Option(
        False, "--version", is_eager=True, help="Show the version.", callback=lambda v: _version(v)
    ),
) -> None:
    """Find the open ports that nobody can explain."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"scanner {__version__}")
        raise typer.Exit

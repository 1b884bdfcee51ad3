"""`scanner scan`: probe targets now and report what is unexpected."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import typer

from scanner.app.option import Panel
from scanner.app.options import ScanOptions
from scanner.cli.output_words import output_parameters, requests_of
from scanner.cli.signature import parameter, scan_options, takes_scan_options
from scanner.cli.views.interfaces import show_interfaces


def run_scan(options: ScanOptions, *, dry_run: bool, json: bool, iflist: bool) -> int:
    """Probe targets, check every open port against the IANA registry, and report the unexpected ones."""
    from scanner.app.assembly import make_job
    from scanner.app.planning import plan_sweep
    from scanner.cli.progress import LiveLines
    from scanner.cli.run import run_job
    from scanner.cli.screen import screen_outputs
    from scanner.cli.streams import say_nothing, warn
    from scanner.cli.views.dry_run import files_of, show_plan

    del iflist  # it has shown the interfaces and exited
    say = say_nothing if options.quiet else warn
    planned = plan_sweep(options, warn=say)
    if dry_run:
        show_plan(planned, as_json=json, files=files_of(options))
        return 0
    lines = LiveLines()
    job = make_job(planned, warn=say, screen=screen_outputs(options, lines))
    return run_job(job, quiet=options.quiet, lines=lines).status


def _more() -> Mapping[str, inspect.Parameter]:
    panel = Panel.TARGETS.value
    interfaces = typer.Option(
        "--iflist",
        is_eager=True,
        callback=lambda wanted: show_interfaces(wanted=wanted),
        help="Show this machine's interfaces and routes, and exit.",
        rich_help_panel=Panel.PROBES.value,
    )
    plan = typer.Option("-sL", "--dry-run", help="Send nothing; show the plan.", rich_help_panel=panel)
    return {
        "dry_run": parameter("dry_run", bool, plan, False),
        "iflist": parameter("iflist", bool, interfaces, False),
        **output_parameters(),
    }


def _gather(values: dict[str, Any]) -> ScanOptions:
    return scan_options(values, outputs=requests_of(values))


def scan_command() -> Callable[..., int]:
    """Return the command with its flags."""
    return takes_scan_options(run_scan, _more(), _gather)

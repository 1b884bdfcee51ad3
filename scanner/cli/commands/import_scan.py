"""`scanner import FILE...`: scans of other programs, judged and kept as our own. Sends nothing."""

from typing import TYPE_CHECKING, Annotated

import typer

from scanner.app.exit_status import FailOn
from scanner.cli.flags import AllOpen, HistoryFile, PolicyFile, Quiet, RegistryFile

if TYPE_CHECKING:
    from scanner.app.importing import Imported
    from scanner.app.judging import Judging
    from scanner.history.store import Store
    from scanner.outputs.formats import OutputRequest

FILES_HELP = (
    "nmap XML or -oG, masscan JSON, list or XML, naabu JSON, zmap CSV, RustScan -g, ss -tulpnH, netstat -tulpn, "
    "osquery listening_ports, our own CSV and JSON lines; - is standard input. Recognised by content."
)


def import_command(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help=FILES_HELP)],
    *,
    policy: PolicyFile = None,
    registry: RegistryFile = None,
    history: HistoryFile = None,
    audit: Annotated[str, typer.Option(metavar="NAME", help="The audit that the scans belong to.")] = "",
    host: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Address of the machine that ss, netstat or osquery ran on. Repeatable."),
    ] = None,
    output: Annotated[
        list[str] | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write findings here; the ending says the format."),
    ] = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", metavar="NAME[=FILE]", help="Write this format, as `scan` does.")
    ] = None,
    all_open: AllOpen = False,
    fail_on: Annotated[FailOn, typer.Option(help="Exit 1 from this severity on.")] = FailOn.LOW,
    quiet: Quiet = False,
) -> int:
    """Judge scans of other programs by registry and policy, and keep them in the history as our own.

    What a file does not say is not covered, so the exit status is 3 for files that only list open ports.
    """
    from datetime import UTC, datetime
    from pathlib import Path

    from scanner.app.exit_status import exit_status
    from scanner.app.importing import import_file, parse_hosts
    from scanner.app.judging import read_judging
    from scanner.app.sweep_history import default_history
    from scanner.cli.streams import say_nothing, warn
    from scanner.history.database import Database
    from scanner.history.store import Store

    say = say_nothing if quiet else warn
    requests = _requests(output, formats, files)
    judging = read_judging(registry, policy, now=datetime.now(UTC), warn=say)
    addresses = parse_hosts(host or ())
    status = 0
    with Database(Path(history) if history else default_history(), create=True) as database:
        for file in files:
            found = import_file(file, database, judging, audit=audit, policy=policy, hosts=addresses, warn=say)
            if found.known:
                say(f"{file}: was imported before, as {found.sweep.id}")
            _show(Store(database), found, requests, judging, all_open=all_open, quiet=quiet)
            status = max(status, exit_status(found.summary, fail_on))
    return status


def _requests(output: list[str] | None, formats: list[str] | None, files: list[str]) -> "list[OutputRequest]":
    from scanner.core.errors import InvalidInput
    from scanner.outputs.formats import OutputRequest, check_collisions, format_for, parse_request

    requests = [OutputRequest(format_for(path).name, path) for path in output or ()]
    requests += [parse_request(word if "=" in word else f"{word}=-") for word in formats or ()]
    check_collisions(requests)
    if requests and len(files) > 1:
        raise InvalidInput("one output for several files", where="-o", cure="import one, or use `scanner report`")
    return requests


def _show(
    store: "Store",
    found: "Imported",
    requests: "list[OutputRequest]",
    judging: "Judging",
    *,
    all_open: bool,
    quiet: bool,
) -> None:
    from scanner.core.model import Transport
    from scanner.outputs.fan_out import FanOut
    from scanner.outputs.formats import FormatOptions, make_outputs
    from scanner.outputs.summary import SummaryLines

    statuses = FormatOptions(all_open=all_open, statuses=lambda: judging.registry.status_codes(Transport.TCP))
    output = FanOut([*make_outputs(requests, statuses), *([] if quiet else [SummaryLines()])])
    output.begin(found.sweep.info)
    if requests:
        for judged in store.judged(found.sweep):
            if judged.findings:
                output.result(judged)
    output.end(found.summary)

"""`scanner listening [PORT]`: the sockets that listen on this machine and their processes. Sends nothing."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.flags import AsCsv, AsJson, RegistryFile

if TYPE_CHECKING:
    from scanner.core.model import Endpoint, Judged, Transport
    from scanner.core.rules.classify import Judge
    from scanner.listening import ListeningSocket


def listening_command(
    ports: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PORT]...", help="Show only these ports: 22, 53/udp.", show_default=False),
    ] = None,
    *,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    registry_file: RegistryFile = None,
) -> None:
    """Show the sockets that listen on this machine: address, process, user, start time and registry status."""
    from scanner.cli.streams import warn
    from scanner.cli.views.changes_view import one_format
    from scanner.cli.views.listening_view import csv_lines, json_lines, table_lines
    from scanner.listening import listening_report

    one_format(as_json=as_json, csv=as_csv)
    wanted = [_port(word) for word in ports or []]
    judge = _judge(registry_file)
    report = listening_report()
    rows = [(each, _judged(each, judge)) for each in _chosen(report.listeners, wanted)]
    if as_json:
        sys.stdout.writelines(json_lines(rows))
    elif as_csv:
        sys.stdout.writelines(csv_lines(rows))
    elif rows:
        sys.stdout.writelines(table_lines(rows, whole=bool(wanted)))
    if not rows:
        warn("no socket listens on that port" if wanted else "no socket listens on this machine")
    for line in report.unseen:
        warn(f"hidden: {line}")


def _judge(registry_file: str | None) -> "Judge":
    from datetime import UTC, datetime

    from scanner.app.judging import judge_for, read_judging
    from scanner.cli.streams import warn

    return judge_for(read_judging(registry_file, None, now=datetime.now(UTC), warn=warn))


def _judged(listener: "ListeningSocket", judge: "Judge") -> "Judged":
    from datetime import UTC, datetime

    from scanner.core.model import Observation, State

    return judge.judge(Observation(listener.endpoint, State.OPEN, "listening", datetime.now(UTC)))


def _chosen(
    listeners: Iterable["ListeningSocket"], wanted: list[tuple[int, "Transport | None"]]
) -> Iterable["ListeningSocket"]:
    """Return the listeners of the given ports; all of them where no port is given."""
    if not wanted:
        return listeners
    return [each for each in listeners if any(_is(each.endpoint, *place) for place in wanted)]


def _is(where: "Endpoint", port: int, transport: "Transport | None") -> bool:
    return where.port == port and transport in (None, where.transport)


def _port(word: str) -> tuple[int, "Transport | None"]:
    from scanner.cli.commands.port import split_transport
    from scanner.core.errors import InvalidInput
    from scanner.core.sanitise import sanitise

    number, transport = split_transport(word)
    if not (number.isascii() and number.isdigit() and len(number) <= 5 and int(number) <= 65535):
        raise InvalidInput(
            f"{sanitise(word, limit=60)!r} is not a port number", where="PORT", cure="give a number: 22, 53/udp"
        )
    return int(number), transport

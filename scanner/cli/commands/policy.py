"""`scanner policy check | draft | explain`: write a policy, find what is odd in it, ask which entry decides."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.completion import complete_sweep
from scanner.cli.flags import HistoryFile, OutputFile, RegistryFile

if TYPE_CHECKING:
    from scanner.core.model import Address
    from scanner.core.policy.policy import Decision, Policy, PolicyMatch
    from scanner.core.registry.registry import Registry

policy_app = typer.Typer(
    help="What is expected where, by whom, until when.", no_args_is_help=True, rich_markup_mode=None
)

PolicyArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The policy file.")]


@policy_app.command("check")
def check_command(file: PolicyArgument, registry: RegistryFile = None) -> int:
    """Read a policy and say what is odd: unreachable entries, overlaps, exceptions that ended, marks for review.

    Exit status 1 where an entry never decides, has expired or waits for review; overlaps alone are only said.
    """
    from scanner.core.policy.check import Oddity, check_policy
    from scanner.core.sanitise import sanitise
    from scanner.outputs.quantities import counted

    policy, _ = _read(file, registry)
    remarks = list(check_policy(policy, _today()))
    for remark in remarks:
        typer.echo(sanitise(f"{remark.entry.place}: {remark.oddity}: {remark.entry.label} {remark.text}"))
    ports = sum(len(entry.ports) for entry in policy.entries)
    entries, many = counted(len(policy.entries), "entry", "entries"), counted(len(remarks), "remark")
    typer.echo(sanitise(f"{policy.name}: {entries}, {counted(ports, 'port')}, {many}"), err=True)
    wrong = {Oddity.EXPIRED, Oddity.UNREACHABLE, Oddity.REVIEW}
    return int(any(remark.oddity in wrong for remark in remarks))


@policy_app.command("draft")
def draft_command(
    sweep: Annotated[
        str, typer.Argument(metavar="[SWEEP]", help="The stored sweep to draft from.", autocompletion=complete_sweep)
    ] = "last",
    history: HistoryFile = None,
    output: OutputFile = "",
) -> None:
    """Write a first policy from a stored sweep. Every entry is marked for review."""
    from scanner.app.sweep_history import open_store
    from scanner.core.policy.draft import draft_policy
    from scanner.outputs.destination import destination_for

    store = open_store(history)
    with store.database:
        stored = store.sweep(sweep)
        place = destination_for(output or "-")
        place.open()
        for line in draft_policy(stored.audit or stored.info.targets, stored.id, store.judged(stored)):
            place.write(f"{line}\n")
        place.commit()


@policy_app.command("explain")
def explain_command(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="An address or a host name.")],
    port: Annotated[str, typer.Argument(metavar="PORT", help="A port or a service name; U: for UDP.")],
    file: Annotated[Path, typer.Option("--policy", metavar="FILE", help="The policy file.")],
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="On which day; today without.")] = None,
    registry: RegistryFile = None,
) -> None:
    """Say which entry decides about an endpoint, and why."""
    from scanner.core.model import PortKey, Transport
    from scanner.core.sanitise import sanitise
    from scanner.core.targets.ports import parse_ports
    from scanner.core.targets.targets import Word

    policy, table = _read(file, registry)
    ports = parse_ports(Word(port, "PORT"), lambda: table)
    keys = [PortKey(Transport.TCP, number) for number in ports.tcp]
    keys += [PortKey(Transport.UDP, number) for number in ports.udp]
    day = on.date() if on else _today()
    for number, name in _addresses(address):
        for key in keys:
            matches = list(policy.matches(number, name, key))
            decision = policy.decide(number, name, key, day)
            status = table.status(key.transport, key.number)
            head = f"{number}{f' ({name})' if name else ''} {key.number}/{key.transport}: {decision.standing}"
            lines = [head, *_reasons(matches, decision, day), f"  the registry says: {status}"]
            typer.echo("\n".join(map(sanitise, lines)))


def _reasons(matches: "list[PolicyMatch]", decision: "Decision", day: date) -> list[str]:
    if not matches:
        return ["  no entry names this port for this address, so it is unexpected if it is open"]
    why = ", the most specific" if len(matches) > 1 else ""
    lines = [f"  decided by {_entry(matches[0])}{why}; on {day} that is {decision.standing}"]
    lines += [f"  also named by {_entry(match)}" for match in matches[1:]]
    if decision.required_by is not None:
        lines.append(f"  must be open, says {decision.required_by.label}")
    return lines


def _entry(match: "PolicyMatch") -> str:
    entry = match.entry
    until = f", until {entry.expires}" if entry.expires else ""
    return f"{entry} [{entry.place}, via {match.via}{until}]"


def _addresses(text: str) -> "list[tuple[Address, str]]":
    from scanner.core.errors import InvalidInput
    from scanner.core.targets.targets import HostName, TargetSet, Word, parse_target

    word = Word(text, "ADDRESS")
    meant = parse_target(word)
    if isinstance(meant, HostName):
        from scanner.engines.resolve import resolve

        return [(address, text) for address in resolve([meant])[meant]]
    found = TargetSet(meant)
    if found.size != 1:
        raise InvalidInput(f"{text!r} is {found.size:,} addresses", where="ADDRESS", cure="name one")
    return [(found[0], "")]


def _read(file: Path, registry: str | None) -> "tuple[Policy, Registry]":
    from scanner.app.judging import read_policy_file, read_registry
    from scanner.cli.streams import warn

    table = read_registry(registry, now=datetime.now(UTC), warn=warn)
    policy = read_policy_file(file, table, warn=warn)
    assert policy is not None
    return policy, table


def _today() -> date:
    from scanner.config.local_zone import local_zone

    return datetime.now(local_zone()).date()

"""`scanner port`: what the registry says of a port. Nothing is sent."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.flags import AsJson, RegistryFile

if TYPE_CHECKING:
    from scanner.cli.views.port_page import Page
    from scanner.core.model import PortKey, Transport
    from scanner.core.registry.registry import Registry

WHERE = "PORT"


def port_command(
    words: Annotated[
        list[str],
        typer.Argument(metavar="PORT...", help="Numbers or service names: 1551, ssh, 53/udp.", show_default=False),
    ],
    *,
    as_json: AsJson = False,
    registry_file: RegistryFile = None,
) -> None:
    """Say what the IANA registry knows of a port. Sends nothing."""
    from scanner.cli.commands.registry import load_and_warn
    from scanner.cli.views.port_page import footer, page_json, page_text

    registry = load_and_warn(registry_file)
    pages = [page for word in words for page in pages_of(word, registry)]
    if as_json:
        sys.stdout.writelines(page_json(page) for page in pages)
    else:
        sys.stdout.write("\n\n".join([*map(page_text, pages), footer(registry.identity)]) + "\n")


def pages_of(word: str, registry: "Registry") -> Iterator["Page"]:
    """The pages that a word asks for: one for a number, one for each run of ports that a name has.

    Raises InvalidInput for a word that is neither.
    """
    from scanner.cli.views.port_page import Page
    from scanner.core.model import Transport

    name, transport = split_transport(word)
    transports = (transport,) if transport else tuple(Transport)
    if name.isascii() and name.isdigit():
        yield Page(word, _number(name), transports, registry)
        return
    keys = [key for key in registry.by_name(name) if key.transport in transports]
    if not keys:
        raise _unknown(word, name, registry)
    for run in _runs(keys):
        note = f"{name} has ports {run.start} to {run.stop - 1}; this is the first." if len(run) > 1 else ""
        yield Page(word, run.start, transports, registry, note)


def split_transport(word: str) -> tuple[str, "Transport | None"]:
    """`53/udp` apart. A slash may also belong to a name: `cl/1` is one."""
    from scanner.core.model import Transport

    name, _, last = word.rpartition("/")
    if name and last.lower() in set(Transport):
        return name, Transport(last.lower())
    return word, None


def _number(text: str) -> int:
    from scanner.core.errors import InvalidInput

    if len(text) > 5 or int(text) > 65535:
        raise InvalidInput(f"{text[:20]} is no port", where=WHERE, cure="ports are 0 to 65535")
    if text != str(int(text)):
        raise InvalidInput(f"{text!r} has leading zeros", where=WHERE, cure=f"write {int(text)}")
    return int(text)


def _unknown(word: str, name: str, registry: "Registry") -> Exception:
    from difflib import get_close_matches

    from scanner.core.errors import InvalidInput
    from scanner.core.sanitise import sanitise

    if registry.by_name(name):
        return InvalidInput(f"{sanitise(name)} has no port on that transport", where=sanitise(word))
    near = get_close_matches(name.lower(), registry.names, n=3, cutoff=0.7)
    cure = f"did you mean {' or '.join(map(sanitise, near))}?" if near else "give a port number or IANA's name for it"
    return InvalidInput(f"{sanitise(word, limit=60)!r} is no service name in the registry", where=WHERE, cure=cure)


def _runs(keys: list["PortKey"]) -> Iterator[range]:
    """The ports of keys as runs without a gap."""
    ports = sorted({key.number for key in keys})
    starts = [port for port in ports if port - 1 not in set(ports)]
    stops = [port + 1 for port in ports if port + 1 not in set(ports)]
    return (range(start, stop) for start, stop in zip(starts, stops, strict=True))

"""NetBox services (`ipam/services`), as a JSON list for its bulk import or for a script with pynetbox.

One entry for each open port, grouped as NetBox keeps them: by address, transport and name, with a list of ports. NetBox
wants a parent (device or virtual machine) that only it knows: `ipaddresses` names the address to look it up by. What is
open but neither expected nor assigned is there too, with what the rules say in `description`.
"""

from collections.abc import Iterator, Sequence

from scanner.core.model import Judged, State
from scanner.core.report import Summary
from scanner.outputs.document import Document
from scanner.outputs.lines import json_document
from scanner.outputs.record import worst_first

LONGEST_NAME, LONGEST_DESCRIPTION = 100, 200
"""What NetBox's columns hold."""


class NetBox(Document):
    """Writes open ports as NetBox services."""

    def lines(self, summary: Summary, judged: Sequence[Judged]) -> Iterator[str]:  # noqa: ARG002 - no place for it
        """Return the list."""
        groups: dict[tuple[str, str, str], list[Judged]] = {}
        for one in judged:
            if one.observation.state is State.OPEN and not one.observation.whole_host:
                groups.setdefault(_key(one), []).append(one)
        yield json_document([_service(key, group) for key, group in groups.items()])


def _key(one: Judged) -> tuple[str, str, str]:
    """Address, transport, and the protocol that speaks there, else IANA's first name for the port, else the port."""
    seen = one.observation
    spoken = seen.identity.protocol if seen.identity else ""
    registered = next((name for finding in one.findings for name in finding.service.split()), "")
    name = spoken or registered or f"port-{seen.endpoint.port}"
    return str(seen.endpoint.address), seen.endpoint.transport.value, name[:LONGEST_NAME]


def _service(key: tuple[str, str, str], group: Sequence[Judged]) -> dict[str, object]:
    address, transport, name = key
    said = (f"{worst.verdict}: {worst.rule}" for one in group for worst in worst_first(one.findings)[:1])
    length = 128 if ":" in address else 32
    return {
        "name": name,
        "protocol": transport,
        "ports": [one.observation.endpoint.port for one in group],
        "ipaddresses": [f"{address}/{length}"],
        "description": "; ".join(dict.fromkeys(said))[:LONGEST_DESCRIPTION],
    }

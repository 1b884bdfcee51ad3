"""The words that the registry uses where it should have a column.

Rows without a service name say their status in the description, in a dozen spellings that grew over forty
years. Rows that span many ports name inside a sentence the ports that are used without permission. Both
are read here, by tables, and nowhere else.
"""

import re
from collections.abc import Iterator

from scanner.core.model import RegistryStatus

STATUS_WORDS: tuple[tuple[str, RegistryStatus], ...] = (
    ("unassigned", RegistryStatus.UNASSIGNED),
    ("reserved", RegistryStatus.RESERVED),
    ("de-registered", RegistryStatus.DEREGISTERED),
    ("deregistered", RegistryStatus.DEREGISTERED),
    ("removed", RegistryStatus.DEREGISTERED),
    ("deprecated", RegistryStatus.DEREGISTERED),
    ("de-commissioned", RegistryStatus.DEREGISTERED),
    ("decomissioned", RegistryStatus.DEREGISTERED),
    ("decommissioned", RegistryStatus.DEREGISTERED),
    ("any private", RegistryStatus.PRIVATE_USE),
)
"""Words in a nameless row's description, lower case, and what they mean; the first that occurs holds."""

_NUMBERS = re.compile(r"(?<![\w.])(\d{1,5})(?:-(\d{1,5}))?(?![\w.]*\w)")


def row_status(service: str, description: str) -> RegistryStatus:
    """Return the status that a row gives its ports.

    A name assigns, whatever the description says (14001/udp is `sua`, "De-Registered"). A nameless row whose
    words are in no table ("Possibly used by Sun Solaris????") assigns nothing, so it leaves them unassigned.
    """
    if service:
        return RegistryStatus.ASSIGNED
    words = description.lower()
    return next((status for word, status in STATUS_WORDS if word in words), RegistryStatus.UNASSIGNED)


def use_reported(text: str, first: int, last: int, port: int) -> str:
    """`text` if it speaks of `port`, else nothing.

    A row for `first` to `last` that names some of its own ports ("Unauthorized Use Known on port 6003" on
    6000-6063) speaks of those only; one that names none of them speaks of all.
    """
    named = [run for run in _runs(text) if run.start <= last and run.stop > first]
    return text if not named or any(port in run for run in named) else ""


def _runs(text: str) -> Iterator[range]:
    for start, stop in _NUMBERS.findall(text):
        yield range(int(start), int(stop or start) + 1)

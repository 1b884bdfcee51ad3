"""Port numbers as nmap writes them: `22,80,8000-8100`."""

from scanner.imports.fields import HIGHEST_PORT
from scanner.imports.interface import Source


def port_runs(source: Source, line: int, text: str) -> frozenset[int]:
    """Return the ports; port 0, which cannot be probed, is left out."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, dash, last = part.partition("-")
        words = (first, last if dash else first)
        if not all(word.isascii() and word.isdigit() and len(word) <= 5 for word in words):
            raise source.refuse(line, f"{part[:60]!r} is not a range of ports")
        low, high = map(int, words)
        if not low <= high <= HIGHEST_PORT:
            raise source.refuse(line, f"{part!r} is not a range of ports")
        found.update(range(max(low, 1), high + 1))
    return frozenset(found)

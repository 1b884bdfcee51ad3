"""Draws the picture in the README: a real scan of a small network made of namespaces. Needs root and Linux.

sudo .venv/bin/python scripts/picture.py examples/scan.svg
"""

import os
import pty
import shlex
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.netlab.lab import Lab, Namespace, addresses

HOSTS = {
    "192.168.1.1": (53, 80, 443),
    "192.168.1.10": (22, 80, 443, 8069),
    "192.168.1.23": (22, 5432, 31415, 50022),
    "192.168.1.31": (135, 445, 5938),
}
COLUMNS = 118
COMMAND = "scanner scan 192.168.1.0/24 -p 1-9999,31415,50022 --rate 20000 --host-rate 5000 -o findings.csv"


def main(path: str) -> None:
    """Scan the network, and draw what a terminal showed."""
    with Lab() as lab:
        here = network(lab)
        scan = shlex.join(here.argv(sys.executable, "-m", *COMMAND.split(), "--no-history"))
        shown = in_terminal(["sh", "-c", f"stty cols {COLUMNS} rows 50; exec {scan}"])
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere)
        console.print(Text(f"$ {COMMAND}\n") + Text.from_ansi(shown))
    Path(path).write_text(console.export_svg(title="scanner"), "utf-8")


def network(lab: Lab) -> Namespace:
    """A switch with an auditor's machine and the hosts on it."""
    switch, here = lab.namespace(), lab.namespace()
    switch.ip("link", "add", "br0", "type", "bridge")
    switch.ip("link", "set", "br0", "up")
    for number, (address, ports) in enumerate([("192.168.1.2", ()), *HOSTS.items()]):
        host = here if number == 0 else lab.namespace()
        lab.wire(host, switch, "v0", f"p{number}")
        switch.ip("link", "set", f"p{number}", "master", "br0")
        addresses(host, "v0", f"{address}/24")
        if ports:
            host.listen(ports)
    return here


def in_terminal(command: list[str]) -> str:
    """What a terminal shows in the end, without the progress line that is gone by then."""
    read: list[bytes] = []

    def keep(descriptor: int) -> bytes:
        data = os.read(descriptor, 1 << 16)
        read.append(data)
        return data

    pty.spawn(command, keep)
    text = b"".join(read).decode().replace("\r\n", "\n")
    return "\n".join(line.rpartition("\x1b[2K")[2] for line in text.split("\n") if "━" not in line)


if __name__ == "__main__":
    main(sys.argv[1])

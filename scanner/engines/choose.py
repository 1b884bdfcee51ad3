"""Choose an engine: the one that was named, if this process may run it; else the fastest that may, and say why.

The command line reads the words in here for `--help`, so this file imports nothing heavier than an enum: `socket` is
imported by the one function that opens one.
"""

import sys
from dataclasses import dataclass
from enum import StrEnum

from scanner.core.errors import NotPermitted, os_problem

CURE = (
    "run it with sudo, or give it CAP_NET_RAW by AmbientCapabilities=CAP_NET_RAW in a systemd unit or by "
    "`setpriv --inh-caps +net_raw --ambient-caps +net_raw`, or use --engine connect"
)
"""How to get the privilege for raw sockets."""


class EngineName(StrEnum):
    """The words of `--engine`."""

    AUTO = "auto"
    CONNECT = "connect"
    SYN = "syn"
    SCAPY = "scapy"


class Wire(StrEnum):
    """The ways in which frames leave, as `--wire` names them."""

    AUTO = "auto"
    """AF_XDP where it works, else sendmmsg."""
    SENDMMSG = "sendmmsg"
    AF_XDP = "af_xdp"


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine to use."""

    engine: EngineName
    """Never `auto`."""
    why: str
    """Why it was chosen, for the summary; empty where the user named it."""


def choose_engine(asked: EngineName) -> Choice:
    """Return the engine to use for the one that was named.

    Raises:
        NotPermitted: an engine was named that may not run here; the text names the cure.
    """
    problem = "" if asked is EngineName.CONNECT else why_not_raw(portable=asked is EngineName.SCAPY)
    if asked is EngineName.AUTO:
        if problem:
            return Choice(EngineName.CONNECT, f"SYN probes are not possible: {problem}")
        return Choice(EngineName.SYN, "raw packets are permitted here")
    if problem:
        raise NotPermitted(f"--engine {asked}: {problem}; {CURE}")
    return Choice(asked, "")


def why_not_raw(*, portable: bool = False) -> str:
    """Return why this process cannot send raw packets; empty where it can. `portable`: scapy is enough."""
    linux = sys.platform.startswith("linux")
    if not linux:
        return "" if portable else f"packet sockets need Linux, this is {sys.platform} (--engine scapy may work)"
    import socket

    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        return "no permission to open a raw socket"
    except OSError as error:
        return f"no packet socket: {os_problem(error)}"
    return "" if portable else _why_no_routes()


def _why_no_routes() -> str:
    """Return why the kernel's routes cannot be read; systemd's RestrictAddressFamilies= may forbid it, say."""
    import socket

    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE).close()
    except OSError as error:
        return f"no rtnetlink socket to read routes: {os_problem(error)}"
    return ""


def demand_raw(engine: str) -> None:
    """Raise NotPermitted, with the cure, where an engine that needs raw packets may not run."""
    if problem := why_not_raw(portable=engine == EngineName.SCAPY):
        raise NotPermitted(f"--engine {engine}: {problem}; {CURE}")

"""Finds the sockets that listen on this machine and the processes that hold them, through psutil.

What an ordinary user may see differs: Linux shows every socket but only the user's own processes behind them, macOS
shows nothing of other users at all, Windows shows nearly everything. What stays hidden is counted or named.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from scanner.core.model import Endpoint, Transport

if TYPE_CHECKING:
    import psutil


@dataclass(frozen=True, slots=True, order=True)
class Holder:
    """The process that holds a socket, as far as the system shows it."""

    pid: int
    """Its id."""
    name: str = ""
    """Its name."""
    user: str = ""
    """Its owner."""
    command: str = ""
    """Its command line."""
    program: str = ""
    """The file it runs."""
    started: datetime | None = None
    """When it started; aware, UTC."""


@dataclass(frozen=True, slots=True)
class ListeningSocket:
    """One listening socket; for UDP, one that is bound and not connected."""

    endpoint: Endpoint
    """Where it listens; `0.0.0.0` or `::` means all addresses."""
    holder: Holder | None = None
    """The process that holds it; None where the system does not show it."""

    @property
    def reach(self) -> str:
        """On which addresses it can be reached: `loopback`, `all` or `one`."""
        address = self.endpoint.address
        return "loopback" if address.is_loopback else "all" if address.is_unspecified else "one"


@dataclass(frozen=True, slots=True)
class ListeningReport:
    """The listening sockets that were found, and what stayed hidden."""

    listeners: tuple[ListeningSocket, ...]
    """By port, transport, address and process."""
    unseen: tuple[str, ...] = field(default=())
    """What the system does not show this user, one line each; empty when nothing is hidden."""


def listening_report() -> ListeningReport:
    """Return every listening socket of this machine that this user may see."""
    import psutil

    try:
        found = {
            transport: psutil.net_connections(kind=transport.value) for transport in (Transport.TCP, Transport.UDP)
        }
    except psutil.AccessDenied:
        return _look_at_own_processes()
    holders: dict[int | None, Holder | None] = {None: None}
    listeners = []
    for transport, connections in found.items():
        for each in filter(_listens, connections):
            if each.pid is not None and each.pid not in holders:
                holders[each.pid] = _holder(each.pid)
            listeners.append(ListeningSocket(_endpoint(each, transport), holders[each.pid]))
    return ListeningReport(_sorted(listeners), tuple(_hidden(listeners)))


def _look_at_own_processes() -> ListeningReport:
    """Ask each process by itself, on systems that deny the whole table."""
    import psutil

    listeners, denied = [], 0
    for process in psutil.process_iter():
        try:
            for transport in (Transport.TCP, Transport.UDP):
                connections = list(filter(_listens, process.net_connections(kind=transport.value)))
                holder = _holder(process.pid) if connections else None
                listeners += [ListeningSocket(_endpoint(each, transport), holder) for each in connections]
        except psutil.AccessDenied:
            denied += 1
        except psutil.NoSuchProcess:
            continue
    note = f"the sockets of {denied} processes of other users; run as root to see them"
    return ListeningReport(_sorted(listeners), (note,) if denied else ())


def _listens(connection: Any) -> bool:
    """Whether a connection listens: TCP in LISTEN; for UDP, which has no states, a local port and no peer."""
    return bool(connection.laddr) and connection.status in ("LISTEN", "NONE") and not connection.raddr


def _endpoint(connection: Any, transport: Transport) -> Endpoint:
    return Endpoint(ip_address(connection.laddr.ip), transport, connection.laddr.port)


def _holder(pid: int) -> Holder:
    import psutil

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            return Holder(
                pid=pid,
                name=str(_allowed(process, "name")),
                user=str(_allowed(process, "username")),
                command=" ".join(_allowed(process, "cmdline")),
                program=str(_allowed(process, "exe")),
                started=datetime.fromtimestamp(process.create_time(), UTC),
            )
    except psutil.Error:
        return Holder(pid)


def _allowed(process: "psutil.Process", what: str) -> Any:
    """Return a fact about a process, or the empty string where the system denies it."""
    import psutil

    try:
        return getattr(process, what)() or ""
    except (psutil.AccessDenied, psutil.ZombieProcess, KeyError, OSError):
        return ""


def _hidden(listeners: Iterable[ListeningSocket]) -> Iterator[str]:
    nameless = sum(each.holder is None for each in listeners)
    if nameless:
        yield (
            f"the processes behind {nameless} of these sockets belong to another user or container; "
            "run as root, on the host itself, to see them"
        )


def _sorted(listeners: Iterable[ListeningSocket]) -> tuple[ListeningSocket, ...]:
    def order(each: ListeningSocket) -> tuple[int, str, int, int, int]:
        where, holder = each.endpoint, each.holder
        return where.port, where.transport, where.address.version, int(where.address), holder.pid if holder else 0

    return tuple(sorted(set(listeners), key=order))

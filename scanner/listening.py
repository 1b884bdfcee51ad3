"""The sockets that listen on this machine, and whose they are. Through psutil, so on Linux, macOS and Windows.

What an ordinary user may see differs: Linux shows every socket but only the own processes behind them, macOS
shows nothing of other users at all, Windows shows nearly everything. What could not be seen is counted, or said.
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
    """The process that holds a socket, as far as we may see."""

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
    """Where; the address is `0.0.0.0` or `::` where it listens on all."""
    holder: Holder | None = None
    """Whose it is; None where we may not see that."""

    @property
    def reach(self) -> str:
        """From where it can be reached: `loopback`, `all` addresses, or `one` address."""
        address = self.endpoint.address
        return "loopback" if address.is_loopback else "all" if address.is_unspecified else "one"


@dataclass(frozen=True, slots=True)
class ListeningReport:
    """What was seen, and what was not."""

    listeners: tuple[ListeningSocket, ...]
    """By port, transport, address and process."""
    unseen: tuple[str, ...] = field(default=())
    """What we may not see without more rights, one line each; empty when nothing is hidden."""


def look() -> ListeningReport:
    """Every listening socket of this machine that this user may see."""
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
    """The way for systems that deny the whole table: each process by itself."""
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
    note = f"{denied} processes of other users, and whatever they listen on; run as root to see them"
    return ListeningReport(_sorted(listeners), (note,) if denied else ())


def _listens(connection: Any) -> bool:
    """TCP in LISTEN; UDP has no states, so a socket with an own port and no peer."""
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
    """A fact about a process, or the empty string where we may not know it."""
    import psutil

    try:
        return getattr(process, what)() or ""
    except (psutil.AccessDenied, psutil.ZombieProcess, KeyError, OSError):
        return ""


def _hidden(listeners: Iterable[ListeningSocket]) -> Iterator[str]:
    nameless = sum(each.holder is None for each in listeners)
    if nameless:
        yield (
            f"the processes behind {nameless} of these sockets: another user's, or in another container; "
            "run as root, and on the host itself, to see them"
        )


def _sorted(listeners: Iterable[ListeningSocket]) -> tuple[ListeningSocket, ...]:
    def order(each: ListeningSocket) -> tuple[int, str, int, int, int]:
        where, holder = each.endpoint, each.holder
        return where.port, where.transport, where.address.version, int(where.address), holder.pid if holder else 0

    return tuple(sorted(set(listeners), key=order))

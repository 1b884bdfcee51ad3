"""The way to ask that works wherever asyncio does: one socket and one task for each probe.

Four times the processor time of `connect_epoll.py`, but nothing that only Linux has. Without an error queue an ICMP
port-unreachable cannot be told from a reset; where there is one, it is read here too.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from errno import ECONNABORTED, ETIMEDOUT
from time import monotonic

from scanner.engines.connect_attempt import Attempt, Judge
from scanner.engines.connect_schedule import Turn
from scanner.engines.icmp_errors import ask_for_icmp_errors, read_icmp_error


class PortableProber:
    """Sockets in the hands of asyncio's own loop."""

    def __init__(self, judge: Judge, awake: Callable[[], None]) -> None:
        """`awake` is called after each outcome: there is room for another probe."""
        self._judge = judge
        self._awake = awake
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[Attempt, asyncio.Task[None]] = {}
        self.in_flight = 0

    def launch(self, turns: Iterable[Turn]) -> int:
        """Begin an attempt for each turn, on a new socket each."""
        begun = 0
        for turn in turns:
            wave, _, host = turn
            try:
                sock = socket.socket(host.family, socket.SOCK_STREAM)
            except OSError as failure:
                self._judge.no_socket(turn, failure.errno or 0)
                break
            sock.setblocking(False)
            ask_for_icmp_errors(sock)
            attempt = Attempt(sock)
            attempt.begin(turn, monotonic())
            self.in_flight += 1
            wave.sent += 1
            begun += 1
            self._tasks[attempt] = self._loop.create_task(self._ask(attempt))
        return begun

    def drain(self) -> None:
        """Nothing: outcomes are told as they come."""

    def expire(self, before: float) -> None:
        """Give up what was started before that time."""
        for attempt in [each for each in self._tasks if each.started < before]:
            self._tasks[attempt].cancel()
            self._ended(attempt, ETIMEDOUT)

    def attempts(self) -> Iterable[Attempt]:
        """Every socket there is."""
        return self._tasks

    def close(self) -> None:
        """Cancel every task and give the sockets back."""
        for attempt, task in self._tasks.items():
            task.cancel()
            self._loop.remove_writer(attempt.socket)
            attempt.close()
        self._tasks.clear()
        self.in_flight = 0

    async def _ask(self, attempt: Attempt) -> None:
        try:
            await self._loop.sock_connect(attempt.socket, attempt.target)
        except OSError as failure:
            error = failure.errno or ECONNABORTED
        else:
            error = 0
        if attempt in self._tasks:
            self._ended(attempt, error)
            self._awake()

    def _ended(self, attempt: Attempt, error: int) -> None:
        news = read_icmp_error(attempt.socket, attempt.target)
        self._judge.ended(attempt, error, news)
        attempt.busy = False
        self.in_flight -= 1
        del self._tasks[attempt]
        self._loop.remove_writer(attempt.socket)
        attempt.close()

"""Listening: a thread that empties the receive rings and queues the answers that carry our cookie.

It shares nothing with the sending thread but a queue of finished batches and a few counters that only it writes, so
there is nothing to lock. Its work is almost all in numpy and the kernel, where the interpreter's lock is free. It lets
packets gather for 20 milliseconds, so that batches are worth their fixed cost; the ring holds many times that, and the
kernel's timestamps keep the round-trip times right.

There is a ring for each IP version that is probed. It receives from every interface (`receive_ring.py`), so on a host
with several it does not matter by which one an answer comes.
"""

import select
import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from scanner.core.errors import InvalidInput, os_problem
from scanner.core.packets.cookie import Cookie
from scanner.core.packets.parse import dissect
from scanner.engines.packets.receive_ring import Received, Receiver
from scanner.engines.syn.source_ports import SourcePorts
from scanner.engines.syn.validate import AcceptedAnswers, validate

_GATHER = 0.02
_POLL = 0.05

Keep = Callable[[Received, npt.NDArray[np.bool_]], None]
"""Takes a batch and a mask of what in it was accepted: `--pcap`."""


class AnswerListener:
    """The receiving half of a sweep."""

    def __init__(self, ports: SourcePorts, key: bytes, *, keep: Keep | None = None) -> None:
        """`key` is the cookie's; `keep` gets each batch with accepted answers, in the listening thread."""
        self._ports = ports
        self._cookie = Cookie(key)
        self._keep = keep
        self._receivers: dict[int, Receiver] = {}
        self._epoll = select.epoll()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="syn-listener", daemon=True)
        self.accepted: deque[AcceptedAnswers] = deque()
        """Batches of accepted answers, oldest first."""
        self._read_until = float("-inf")
        self.failure: BaseException | None = None
        """The exception that ended the thread, if one did."""
        self.forged = 0
        """Packets that looked like answers but did not carry our cookie."""
        self.dropped = 0
        """Answers dropped because the receive buffer was full."""

    @property
    def read_until(self) -> float:
        """Everything that came before this moment, on the monotonic clock, is in `accepted` or was taken from it.

        Silence may only be called silence up to here: after the process was stopped, or where the machine is busy,
        answers that were not looked at yet lie in the ring.
        """
        return self._read_until if self._thread.is_alive() else float("inf")

    def open(self, version: int) -> None:
        """Begin to listen for answers of one IP version, unless that was done.

        Raises:
            NotPermitted: this process may not open packet sockets.
            InvalidInput: the system has no receive ring for us.
        """
        if version in self._receivers:
            return
        try:
            receiver = Receiver(version, first_port=self._ports.first, last_port=self._ports.last)
        except OSError as error:
            problem = f"the kernel has no memory for the receive buffer ({os_problem(error)})"
            raise InvalidInput(problem, cure="use --engine connect") from error
        self._receivers[version] = receiver
        self._epoll.register(receiver.fileno(), select.EPOLLIN)
        if not self._thread.is_alive():
            self._thread.start()

    def close(self) -> None:
        """End the thread and close every socket."""
        self._closing = True
        if self._thread.is_alive():
            self._thread.join()
        self._epoll.close()
        for receiver in self._receivers.values():
            receiver.close()

    def _run(self) -> None:
        try:
            while not self._closing:
                began = time.monotonic()
                if self._epoll.poll(_POLL):
                    time.sleep(_GATHER)
                    began = time.monotonic()
                    self._drain()
                self._read_until = began
        except BaseException as error:  # noqa: BLE001 - handed to the thread that asks
            self.failure = error

    def _drain(self) -> None:
        receivers = list(self._receivers.values())
        for receiver in receivers:
            while len(batch := receiver.read()):
                self._take(batch)
        self.dropped = sum(receiver.dropped for receiver in receivers)

    def _take(self, batch: Received) -> None:
        shift = time.monotonic() - time.time()
        answers = dissect(batch.packets, batch.lengths)
        accepted, rows, forged = validate(answers, self._cookie, batch.at + shift)
        self.forged += forged
        if len(accepted):
            self.accepted.append(accepted)
            if self._keep:
                mask = np.zeros(len(batch), np.bool_)
                mask[rows] = True
                self._keep(batch, mask)

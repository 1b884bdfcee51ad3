"""The connect engine on this machine's own loopback: open, closed, hung up, and too few descriptors."""

import asyncio
import math
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from errno import EADDRNOTAVAIL, EMFILE
from pathlib import Path
from time import sleep, time
from typing import Any

import numpy as np
import pytest

from scanner.core.errors import OutOfScope
from scanner.core.model import State
from scanner.core.rate.limits import UNLIMITED, Limits
from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
from scanner.engines.connect.settling import MOST_LOCAL_FAILURES
from tests.engines.peers import listeners
from tests.engines.waves import covered, in_pieces, reasons, settle, wave

WAYS = [
    pytest.param(ConnectOptions(), id="epoll"),
    pytest.param(ConnectOptions(portable=True, parallel=100), id="portable"),
]


@contextmanager
def one_who_hangs_up() -> Iterator[int]:
    """A port that accepts and resets at once."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)

        def serve() -> None:
            while True:
                try:
                    guest, _ = listener.accept()
                except OSError:
                    return
                guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                guest.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def open_descriptors() -> int:
    return len([*Path("/dev/fd").iterdir()])


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_every_open_port_is_found_and_nothing_else(options: ConnectOptions, address: str) -> None:
    with listeners(300, address) as expected:
        asked = sorted(expected | set(range(1, 1500)))
        before = time()
        settled = await settle(ConnectEngine(options, UNLIMITED), *in_pieces(wave([address], asked), 500))
    found = {port for (_, port), reason in reasons(*settled).items() if reason == "syn-ack"}
    assert expected <= found
    assert found - expected <= set(range(1, 1500))  # whatever else this machine serves
    total = covered(*settled)
    assert total.balanced
    assert (total.planned, total.filtered, total.unknown) == (len(asked), 0, 0)
    assert total.sent >= len(asked)
    for each in settled:
        assert each.complete
        assert ((each.at >= before - 1) & (each.at <= time() + 1)).all()
        assert ((each.rtt > 0) & (each.rtt < 5)).all()


async def test_a_port_that_hangs_up_at_once_is_open() -> None:
    with one_who_hangs_up() as port:
        settled = await settle(ConnectEngine(ConnectOptions(), UNLIMITED), *(wave(["127.0.0.1"], [port]),) * 20)
    assert [each.coverage().open for each in settled] == [1] * 20


@pytest.mark.parametrize("options", WAYS)
async def test_a_loop_that_was_held_up_loses_no_answer(options: ConnectOptions) -> None:
    short = replace(options, timeout=0.05, retries=0)
    with listeners(50) as expected:
        engine = ConnectEngine(short, UNLIMITED)
        for _ in range(4):
            asyncio.get_running_loop().call_later(0.001, sleep, 0.2)  # what a suspended process goes through
            settled = await settle(engine, wave(["127.0.0.1"], [*expected, *range(1, 200)]))
            assert covered(*settled).filtered == 0
            assert covered(*settled).open >= 50


async def test_progress_counts_what_was_settled() -> None:
    with listeners(3) as ports:
        engine = ConnectEngine(ConnectOptions(), UNLIMITED)
        await settle(engine, wave(["127.0.0.1"], ports), wave(["127.0.0.1"], ports))
    assert (engine.progress.settled, engine.progress.open) == (6, 6)
    assert engine.progress.sent >= 6


def test_sixty_four_descriptors_are_enough_for_every_port() -> None:
    code = """
import asyncio, sys
from scanner.core.rate.limits import UNLIMITED
from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
from tests.engines.waves import covered, settle, wave
settled = asyncio.run(settle(ConnectEngine(ConnectOptions(), UNLIMITED), wave(["127.0.0.1"], range(1, 65536))))
total = covered(*settled)
listening = [int(settled[0].reason[int(port) - 1]) for port in sys.argv[1:]]
print(total.planned, total.open + total.closed, total.unknown, *listening)
"""
    with listeners(20) as ports:
        done = subprocess.run(
            ["bash", "-c", 'ulimit -n 64; exec "$@"', "-", sys.executable, "-c", code, *map(str, ports)],
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.split() == ["65535", "65535", "0", *["1"] * 20]


@pytest.mark.parametrize("options", WAYS)
async def test_closing_the_generator_gives_every_socket_back(options: ConnectOptions) -> None:
    before = open_descriptors()
    run = ConnectEngine(options, UNLIMITED).run(in_pieces(wave(["127.0.0.1"], range(1, 4000)), 50))
    await anext(run)
    await run.aclose()
    await asyncio.sleep(0)
    assert open_descriptors() == before


async def test_an_address_that_is_not_permitted_gets_no_probe() -> None:
    asked: list[str] = []

    def permitted(address: object) -> bool:
        asked.append(str(address))
        return str(address) != "127.0.0.3"

    engine = ConnectEngine(ConnectOptions(), UNLIMITED, permitted)
    good, bad = wave(["127.0.0.1", "127.0.0.2"], range(1, 50)), wave(["127.0.0.2", "127.0.0.3"], range(1, 50))
    bad.host[:] += 1
    with pytest.raises(OutOfScope, match=r"127\.0\.0\.3"):
        await settle(engine, good, bad)
    assert asked == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    assert engine.progress.sent <= len(good)


class Failing(socket.socket):
    """A socket whose connect() fails a number of times, however many sockets there are."""

    failures = 0
    error = 0

    def connect_ex(self, address: Any) -> int:
        if Failing.failures:
            Failing.failures -= 1
            return Failing.error
        return super().connect_ex(address)


@pytest.mark.parametrize(("failures", "expected"), [(2, "reset"), (math.inf, "local-error:EADDRNOTAVAIL")])
async def test_a_failing_connect_is_tried_again_and_never_a_state(
    monkeypatch: pytest.MonkeyPatch, failures: float, expected: str
) -> None:
    monkeypatch.setattr("scanner.engines.connect.epoll.socket.socket", Failing)
    monkeypatch.setattr("scanner.engines.connect.settling._FIRST_BACK_OFF", 0.001)
    monkeypatch.setattr(Failing, "failures", failures)
    monkeypatch.setattr(Failing, "error", EADDRNOTAVAIL)
    settled = await settle(ConnectEngine(ConnectOptions(), UNLIMITED), wave(["127.0.0.1"], [1]))
    assert reasons(*settled) == {("127.0.0.1", 1): expected}
    assert settled[0].sent == (1 if expected == "reset" else 0)
    assert (settled[0].coverage().unknown == 1) == (expected != "reset")


@pytest.mark.parametrize("options", WAYS)
async def test_no_descriptor_at_all_ends_as_a_local_error(
    monkeypatch: pytest.MonkeyPatch, options: ConnectOptions
) -> None:
    tried: list[int] = []

    def no_socket(*_: object) -> None:
        tried.append(1)
        raise OSError(EMFILE, "Too many open files")

    engine = ConnectEngine(options, UNLIMITED)
    run = engine.run([wave(["127.0.0.1"], [1, 2])])
    monkeypatch.setattr("scanner.engines.connect.settling._FIRST_BACK_OFF", 0.001)
    with monkeypatch.context() as patch:
        patch.setattr("scanner.engines.connect.epoll.socket.socket", no_socket)
        settled = [each async for each in run]
    assert set(reasons(*settled).values()) == {"local-error:EMFILE"}
    assert len(tried) >= 2 * (MOST_LOCAL_FAILURES + 1)
    assert settled[0].places(State.UNKNOWN).tolist() == [0, 1]


async def test_few_descriptors_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Scarce(socket.socket):
        alive = 0

        def __init__(self, *words: Any) -> None:
            if Scarce.alive >= 3:
                raise OSError(EMFILE, "Too many open files")
            super().__init__(*words)
            Scarce.alive += 1

        def close(self) -> None:
            Scarce.alive -= 1
            super().close()

    with listeners(40) as ports, monkeypatch.context() as patch:
        patch.setattr("scanner.engines.connect.epoll.socket.socket", Scarce)
        asked = wave(["127.0.0.1", "::1"], [*ports, *range(1, 200)])
        settled = await settle(ConnectEngine(ConnectOptions(), UNLIMITED), asked)
    total = covered(*settled)
    assert total.unknown == 0
    assert total.open >= 40


async def test_a_cap_for_each_host_lets_both_hosts_run() -> None:
    engine = ConnectEngine(ConnectOptions(), Limits(rate=None, host_rate=500))
    started = asyncio.get_running_loop().time()
    settled = await settle(engine, wave(["127.0.0.1", "127.0.0.2"], range(1, 201)))
    took = asyncio.get_running_loop().time() - started
    assert covered(*settled).unknown == 0
    assert took >= (200 - 10) / 500  # 10 of each may go at once
    order = np.sort(settled[0].at[:200])
    assert np.searchsorted(order, order[0] + 0.2) <= 110


@pytest.mark.parametrize(
    ("name", "value"), [("timeout", 0), ("timeout", 61), ("retries", -1), ("retry_gap", 0.5), ("parallel", 0)]
)
def test_options_that_make_no_sense_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        ConnectOptions(**{name: value})


def test_a_long_timeout_pays_for_the_packets_it_causes() -> None:
    assert ConnectOptions().packets == 1
    assert ConnectOptions(timeout=1.75).packets == 2


async def test_a_cap_alone_is_made_full_use_of() -> None:
    engine = ConnectEngine(ConnectOptions(), Limits(rate=None, host_rate=500))
    settled = await settle(engine, wave(["127.0.0.1"], range(1, 251)))
    order = np.sort(settled[0].at)
    steps = np.diff(order)
    assert covered(*settled).closed == 250
    assert np.count_nonzero(steps > 0.001) > 40  # as they fall due, and not a bucket full at every look at the clock

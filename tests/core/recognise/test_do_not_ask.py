"""Which ports must never receive a byte, or only a read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.recognise.do_not_ask import DO_NOT_ASK, may_be_sent, quiet_port, reason_not_to_ask
from scanner.core.recognise.hellos import HELLOS
from scanner.core.recognise.http import http_request
from scanner.core.recognise.identity import Conduct, Identity
from scanner.core.recognise.protocol import Hello

RAW_PRINTER = {515, *range(9100, 9108), *range(9112, 9117)}
CONTROLLERS = {102, 502, 2404, 9600, 20000, 20256, 44818, 47808}
READS = {502: "modbus", 44818: "ethernet-ip"}


def test_the_raw_printer_ports_are_never_asked() -> None:
    printers = {port for port in range(65536) if reason_not_to_ask(port) == "raw printer port"}
    assert printers == RAW_PRINTER


@pytest.mark.parametrize("port", CONTROLLERS)
def test_a_controller_gets_a_read_or_nothing(port: int) -> None:
    quiet = quiet_port(port)
    assert quiet is not None
    assert quiet.reads == ((READS[port],) if port in READS else ())
    assert bool(reason_not_to_ask(port)) is (port not in READS)


@pytest.mark.parametrize("hello", HELLOS.values(), ids=HELLOS)
def test_no_hello_may_be_sent_to_a_quiet_port_unless_its_row_says_that_it_is_a_read(hello: Hello) -> None:
    payload = hello.payload or http_request("10.0.0.1")
    for quiet in DO_NOT_ASK:
        for port in (quiet.first, quiet.last):
            assert may_be_sent(port, payload) is (hello.name in quiet.reads), (port, hello.name)


@given(st.binary(max_size=64))
def test_nothing_else_may_be_sent_either(data: bytes) -> None:
    reads = {HELLOS[name].payload for name in READS.values()}
    assert [port for port in (*RAW_PRINTER, *CONTROLLERS) if data not in reads and may_be_sent(port, data)] == []


def test_every_row_is_a_run_of_ports_with_a_reason_and_reads_that_there_are() -> None:
    assert all(0 < quiet.first <= quiet.last <= 65535 and quiet.why for quiet in DO_NOT_ASK)
    assert all(name in HELLOS and HELLOS[name].payload for quiet in DO_NOT_ASK for name in quiet.reads)


def test_an_identity_says_why_nothing_was_asked() -> None:
    assert Identity(Conduct.NOT_ASKED, detail=reason_not_to_ask(9100)).words == "Not asked: raw printer port"
    assert Identity(Conduct.NOT_ASKED).words == "unrecognised, not-asked"

"""Fuzzing of every recogniser: whatever the bytes, no exception, bounded text, and no waste of time.

Runs for a moment in every test run; `SCANNER_FUZZ_SECONDS=60` makes it the minute of CI. Bytes are random, grown
from real answers (cut, doubled, with bits turned), and grown from what the patterns look for.
"""
# ruff: noqa: E501 - seeds are data

import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.core.recognise.catalogue import CATALOGUE
from scanner.core.recognise.certificate import certificate_facts
from scanner.core.recognise.hellos import HELLOS, recognise
from scanner.core.recognise.identity import LONGEST, ProtocolMatch, excerpt
from scanner.core.recognise.recogniser import READ_LIMIT, Recogniser

SECONDS = float(os.environ.get("SCANNER_FUZZ_SECONDS", "0"))
EXAMPLES = int(40 + SECONDS * 4)

RECOGNISERS: dict[str, Recogniser] = {
    **{f"{row.name}-anywhere-{number}": f for row in CATALOGUE for number, f in enumerate(row.recognise)},
    **{f"{name}-{number}": f for name, hello in HELLOS.items() for number, f in enumerate(hello.answers)},
}

SEEDS = [
    b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", b"220 lab ESMTP Exim 4.96\r\n", b"HTTP/1.1 200 OK\r\nServer: a/1\r\n\r\n<title>x</title>",
    b'HTTP/1.1 200 OK\r\n\r\n{"version" : { "number" : "8.11.1", "lucene_version" : "9"}}', b"RFB 003.008\n",
    b"d\0\0\0\n5.5.5-10.11.19-MariaDB\0\3\0\0\0KAEt<i~_\0", b"\3\0\0\x13\x0e\xd0\0\0\x124\0\2\1\x08\0\1\0\0\0",
    b"\0\0\0\xca\xfeSMB@\0" + bytes(66), b"0M\2\1\1dH\4\0000D0%\4\x0bobjectClass", b"\xff" * 16 + b"\0\x1d\1\4\xfc\0",
    b"\x01\0\0\0\0\x01\xf3\0\n\0\n\0\x09\0\0\x01\xce\x07productS\0\0\0\x08RabbitMQ", b"\x20\2\0\0", b"\5\0", b"\xff\xfb\x25",
    b"\x80\0\0\x18scan\0\0\0\1" + bytes(16), b"\x01\0\x0b\0\0\0S\0" + bytes(40), b"INFO {\"version\":\"2\",\"max_payload\":1}\r\n",
    b"\0\x37sc\x84\x80\0\1\0\1\0\0\0\0\x07version\4bind\0\0\x10\0\3\xc0\x0c\0\x10\0\3\0\0\0\0\0\r\x0cdnsmasq-2.90",
    b"\x3c\0\0\0\1\0\0\0scan\1\0\0\0\x10maxWireVersion\0\x15\0\0\0", b"$5\r\nredis_version:7\r\n", b"\x15\3\1\0\2\2\x46",
    b"\4\1\0\x2b\0\0\1\0\0\0\x1a\0\6" + bytes(30), b"\0\0\x11\x11name rabbit at port 25672\n", b"E\0\0\0\x8dSFATAL\0",
]  # fmt: skip


@st.composite
def grown(draw: st.DrawFn) -> bytes:
    """A real answer with something done to it."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        what = draw(st.sampled_from(["turn", "cut", "insert", "repeat", "max", "zero"]))
        if what == "cut":
            del data[at:]
        elif what == "insert":
            data[at:at] = draw(st.binary(max_size=20))
        elif what == "repeat":
            data[at:at] = data[: draw(st.integers(1, 60))] * draw(st.integers(1, 200))
        elif data:
            data[at] = {"turn": data[at] ^ 1 << draw(st.integers(0, 7)), "max": 255, "zero": 0}[what]
    return bytes(data[: 2 * READ_LIMIT])


STRANGE = st.one_of(
    st.binary(max_size=600), grown(), st.text(max_size=300).map(lambda text: text.encode("utf-8", "ignore"))
)


def well_formed(match: ProtocolMatch | None) -> bool:
    if match is None:
        return True
    texts = (match.protocol, match.product, match.version, match.detail)
    return bool(match.protocol) and all(isinstance(each, str) and len(each) <= LONGEST for each in texts)


@pytest.mark.parametrize("name", RECOGNISERS)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=STRANGE)
def test_a_recogniser_survives_anything(name: str, data: bytes) -> None:
    assert well_formed(RECOGNISERS[name](data[:READ_LIMIT]))


@settings(max_examples=10 * EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=STRANGE, hello=st.sampled_from([None, *HELLOS.values()]))
def test_the_whole_of_them_survives_anything(data: bytes, hello: object) -> None:
    assert well_formed(recognise(data, hello))  # type: ignore[arg-type]
    assert len(excerpt(data)) <= LONGEST


@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.binary(max_size=400))
def test_certificates_survive_anything(data: bytes) -> None:
    assert certificate_facts(data) is None


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n" * READ_LIMIT, b"a" * READ_LIMIT, b"220 " + b"a" * READ_LIMIT, b"220-a\r\n" * 1200, b"* OK " + b"Dovecot" * 1200,
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1300, b"HTTP/1.1 200 OK\r\n\r\n" + b"<title" * 1300, b"INFO {" + b'"version":' * 800,
        b'HTTP/1.1 200 OK\r\n\r\n"version" : {' + b" " * 4000, b'HTTP/1.1 200 OK\r\n\r\n' + b'{"couchdb":"Welcome",' * 190,
        b"\xff\xfb\x01" * 2700, b"ERROR\r\n" * 1170, b":" + b"a" * READ_LIMIT, b"login" * 1600, b"-" * READ_LIMIT,
        b'HTTP/1.1 200 OK\r\n\r\n' + b'"version":{"number":"' * 190,
    ],
    ids=lambda data: data[:18].decode("latin-1").strip(),
)  # fmt: skip
def test_no_pattern_backtracks_for_long(data: bytes) -> None:
    used = time.process_time()
    for hello in (None, HELLOS["http"], HELLOS["smtp"]):
        recognise(data, hello)
    assert time.process_time() - used < 1.0, "processor time: a pattern is worse than linear"

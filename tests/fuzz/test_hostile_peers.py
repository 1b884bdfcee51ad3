"""What a hostile peer says, all the way: bytes on the wire, recognised, judged, and through every output, inert."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from scanner.core.model import Endpoint, Judged, Observation, State, Transport
from scanner.core.recognise.hellos import HELLOS, recognise
from scanner.core.recognise.identity import Certificate, Conduct, Identity, ProtocolMatch, Tls, excerpt
from scanner.core.rules.classify import Judge
from scanner.core.sanitise import is_inert
from scanner.outputs.csv_file import CsvFile
from scanner.outputs.destination import destination_for
from scanner.outputs.interface import Output
from scanner.outputs.json_lines import JsonLines
from scanner.outputs.nmap_xml import NmapXml
from scanner.outputs.table_rows import plain_table, table_rows
from scanner.registry.overlays import bundled_overlays
from scanner.registry.source import load_bundled
from tests.fuzz.hostile_payloads import BYTES, TEXTS
from tests.outputs.samples import SUMMARY, run

NOW = datetime(2026, 2, 13, tzinfo=UTC)
BEFORE = (
    b"SSH-2.0-", b"HTTP/1.1 200 OK\r\nServer: ", b"HTTP/1.1 200 OK\r\n\r\n<title>", b":", b"220 (vsFTPd ",
    b"\x0a\0\0\0\x0a5.5.5-", b"RFB 003.008\n", b"* OK Dovecot ", b"", b"\0\x16\x0b\0\0\0\6\0",
)  # fmt: skip
"""How answers begin in which a peer can put words of its own."""


def identities() -> list[Identity]:
    """Every payload of bytes behind each beginning, as the engine would keep it; each text in a certificate."""
    heard = [begin + payload[:4000] for payload in BYTES for begin in BEFORE]
    hellos = list(HELLOS.values())
    found = [_identity(data, recognise(data, hellos[at % len(hellos)])) for at, data in enumerate(heard)]
    return found + [_with_certificate(text) for text in TEXTS]


def _identity(data: bytes, match: ProtocolMatch | None) -> Identity:
    match = match or ProtocolMatch("")
    return Identity(Conduct.ANSWERED, match.protocol, match.product, match.version, match.detail, excerpt=excerpt(data))


def _with_certificate(text: str) -> Identity:
    certificate = Certificate(text, (text, text), text, NOW - timedelta(9), NOW - timedelta(1), True, "00")
    return Identity(Conduct.ANSWERED, "http", tls=Tls("TLSv1", text, text, certificate, text))


@cache
def judged() -> tuple[Judged, ...]:
    """What the rules say of each identity; worked out once."""
    judge = Judge(load_bundled(), overlays=bundled_overlays())
    seen = (
        Observation(
            Endpoint(ip_address(0x0A000000 + at), Transport.TCP, 443), State.OPEN, "syn-ack", NOW,
            evidence=identity.words, identity=identity,
        )
        for at, identity in enumerate(identities())
    )  # fmt: skip
    return tuple(judge.judge(each) for each in seen)


def test_every_output_of_what_hostile_peers_said_is_inert(tmp_path: Path) -> None:
    results = judged()
    makers: dict[str, type[Output]] = {"csv": CsvFile, "jsonl": JsonLines, "xml": NmapXml}
    for name, maker in makers.items():
        run(maker(destination_for(str(tmp_path / name))), results, SUMMARY)  # type: ignore[call-arg]
        text = (tmp_path / name).read_bytes().decode("utf-8")
        assert is_inert("".join(set(text) - set("\r\n")))
    assert is_inert("".join(set(plain_table(table_rows(results))) - {"\n"}))


def test_json_keeps_every_text_of_an_identity_inert(tmp_path: Path) -> None:
    run(JsonLines(destination_for(str(tmp_path / "f"))), judged(), SUMMARY)
    told = [json.loads(line).get("identity") for line in (tmp_path / "f").read_text("utf-8").splitlines()]
    spoken = [each for each in told if each]
    assert len(spoken) >= len(TEXTS) + len(BYTES)
    for text in _texts(spoken):
        assert is_inert(text)


def _texts(value: object) -> list[str]:
    """Every text inside a JSON value."""
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inside for text in _texts(each)]

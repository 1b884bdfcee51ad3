"""Questions to name services: DNS (RFC 1035, 4892), multicast DNS (RFC 6762), NetBIOS names (RFC 1002).

DNS is asked for a name below `.invalid` (RFC 6761 6.4), never for one that belongs to another: what a server is willing
to do for strangers shows in its answer's flags and code without making it ask others, since recursion is not desired.
"""

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.recogniser import text
from scanner.core.udp.encode import dns_name, u16
from scanner.core.udp.question import Form, Payload, Proof, Question, Replies, Token, compose

_ID = Token(2)
_LABEL = Token(8, Form.HEX)
_TXT, _PTR, _SOA, _NBSTAT = 16, 12, 6, 33
_IN, _CHAOS, _UNICAST = 1, 3, 0x8001
_CODES = {0: "no error", 1: "format error", 2: "server failure", 3: "no such name", 4: "not implemented", 5: "refused"}
_ENCODED_STAR = b"\x20CK" + b"A" * 30 + b"\0"
_GROUP = 0x80


def _query(name: bytes, kind: int, klass: int) -> tuple[bytes, bytes]:
    """Return what follows the id: flags without recursion, counts, one question (RFC 1035 4.1)."""
    return u16(0, 1, 0, 0, 0) + name, u16(kind, klass)


def _version_query() -> Payload:
    return compose(_ID, *_query(dns_name(b"version", b"bind"), _TXT, _CHAOS))


def _invalid_query() -> Payload:
    head, tail = _query(b"\x10", _SOA, _IN)
    return compose(_ID, head, _LABEL, dns_name(b"invalid"), tail)


def read_dns(answer: bytes) -> ProtocolMatch | None:
    """Read a DNS response (RFC 1035 4.1.1); a first TXT record is the server's version (RFC 4892)."""
    if len(answer) < 12 or not answer[2] & 0x80:
        return None
    code = answer[3] & 0x0F
    version = _first_text(answer)
    detail = _CODES.get(code, f"code {code}")
    if answer[3] & 0x80:
        detail += ", offers recursion"
    product, _, number = version.partition("-") if version.startswith("dnsmasq-") else (version, "", "")
    return ProtocolMatch("dns", product, number, detail)


def _first_text(answer: bytes) -> str:
    """Return the text of the first answer, where it is a TXT record; empty otherwise."""
    questions, answers = int.from_bytes(answer[4:6]), int.from_bytes(answer[6:8])
    at = 12
    for _ in range(min(questions, 4)):
        at = _after_name(answer, at) + 4
    if not answers or at >= len(answer):
        return ""
    at = _after_name(answer, at)
    if int.from_bytes(answer[at : at + 2]) != _TXT or at + 11 > len(answer):
        return ""
    return text(answer[at + 11 : at + 11 + answer[at + 10]])


def _after_name(data: bytes, at: int) -> int:
    """Return where a name ends; compression pointers end it (RFC 1035 4.1.4)."""
    while at < len(data) and data[at]:
        if data[at] & 0xC0:
            return at + 2
        at += 1 + data[at]
    return at + 1


def read_mdns(answer: bytes) -> ProtocolMatch | None:
    """Read a multicast DNS response: how many kinds of services it announces (RFC 6763 9)."""
    if len(answer) < 12 or not answer[2] & 0x80:
        return None
    count = int.from_bytes(answer[6:8])
    return ProtocolMatch("mdns", detail=f"announces {count} kind{'s' * (count != 1)} of services")


def read_nbstat(answer: bytes) -> ProtocolMatch | None:
    """Read a node status response: the machine's name and workgroup (RFC 1002 4.2.18)."""
    start = 12 + len(_ENCODED_STAR) + 10
    if len(answer) < start + 1 or not answer[2] & 0x80:
        return None
    names = [answer[place : place + 18] for place in range(start + 1, len(answer) - 17, 18)][: answer[start]]
    workstations = [name for name in names if not name[15]]
    machine = next((text(name[:15]) for name in workstations if not name[16] & _GROUP), "")
    group = next((text(name[:15]) for name in workstations if name[16] & _GROUP), "")
    return ProtocolMatch("netbios-ns", detail=" in ".join(filter(None, (machine, group))))


NAME_SERVICES: tuple[Question, ...] = (
    Question(
        "dns",
        (53,),
        _version_query(),
        read_dns,
        largest=255,
        source="RFC 1035 4.1, RFC 4892",
        proof=Proof(_ID, 0),
        services=("domain",),
    ),
    Question(
        "dns",
        (53,),
        _invalid_query(),
        read_dns,
        largest=512,
        source="RFC 1035 4.1, RFC 6761 6.4",
        proof=Proof(_LABEL, 13),
        services=("domain",),
    ),
    Question(
        "mdns",
        (5353,),
        compose(_ID, *_query(dns_name(b"_services", b"_dns-sd", b"_udp", b"local"), _PTR, _UNICAST)),
        read_mdns,
        largest=512,
        source="RFC 6762 5.4 and 6.7, RFC 6763 9",
        proof=Proof(_ID, 0),
        services=("mdns",),
        replies=Replies.ANY_ADDRESS,
    ),
    Question(
        "netbios-ns",
        (137,),
        compose(_ID, *_query(_ENCODED_STAR, _NBSTAT, _IN)),
        read_nbstat,
        largest=512,
        source="RFC 1002 4.2.17",
        proof=Proof(_ID, 0),
        services=("netbios-ns",),
    ),
)
"""Questions to name services."""

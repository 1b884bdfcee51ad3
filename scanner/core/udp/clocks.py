"""Questions to clocks and to the small services of the first days: NTP, PTP, echo, daytime, time, quote of the day,
active users, character generator.

NTP mode 7 (and with it monlist) is never sent. The services that answer to anything are sent enough bytes that their
answer is no amplification: some character generators send 1,024 bytes.
"""

import re

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.recogniser import text
from scanner.core.udp.encode import u16
from scanner.core.udp.question import Form, Proof, Question, Token, compose

_CLOCK = Token(8)
_SEQUENCE = Token(2)
_VARIABLE = re.compile(rb"(?:^|[\s,])(version|system)=\"([^\"]{0,120})\"")
_CHARACTERS = re.compile(rb"[\x20-\x7e\r\n]{60}")


def read_ntp(answer: bytes) -> ProtocolMatch | None:
    """Read a server's packet (RFC 5905 7.3): its version and stratum."""
    if len(answer) < 48 or answer[0] & 7 != 4:
        return None
    stratum = answer[1]
    told = f"stratum {stratum}" if 0 < stratum < 16 else "not synchronised"
    return ProtocolMatch("ntp", detail=f"NTP version {answer[0] >> 3 & 7}, {told}")


def read_ntp_control(answer: bytes) -> ProtocolMatch | None:
    """Read a response to "read variables" (RFC 9327 2): the daemon's version and its operating system."""
    if len(answer) < 12 or answer[0] & 7 != 6 or not answer[1] & 0x80:
        return None
    found = {name: text(value) for name, value in _VARIABLE.findall(answer[12:])}
    words = found.get(b"version", "").split()
    product, version = (words[0], words[1].partition("@")[0]) if len(words) > 1 else ("", "")
    detail = ", ".join(filter(None, ("answers control messages", found.get(b"system", ""))))
    return ProtocolMatch("ntp", product, version, detail)


def read_ptp(answer: bytes) -> ProtocolMatch | None:
    """Read a PTP management response (IEEE 1588-2008 15.4)."""
    management = len(answer) >= 48 and answer[0] & 0x0F == 0x0D and answer[1] & 0x0F == 2
    return ProtocolMatch("ptp", detail=f"domain {answer[4]}") if management else None


def read_daytime(answer: bytes) -> ProtocolMatch | None:
    """Read a line with a time of day in it (RFC 867)."""
    return ProtocolMatch("daytime", certain=False) if re.search(rb"\d\d?:\d\d", answer[:200]) else None


def read_time(answer: bytes) -> ProtocolMatch | None:
    """Read four bytes: seconds since 1900 (RFC 868)."""
    return ProtocolMatch("time") if len(answer) == 4 and answer[0] >= 0xA0 else None


def read_echo(answer: bytes) -> ProtocolMatch | None:
    """Read what was sent (RFC 862)."""
    return ProtocolMatch("echo") if answer.startswith(b"echo ") else None


def read_quote(answer: bytes) -> ProtocolMatch | None:
    """Read a short text (RFC 865)."""
    return ProtocolMatch("qotd", certain=False) if _is_text(answer) else None


def read_users(answer: bytes) -> ProtocolMatch | None:
    """Read a list of users, one a line (RFC 866)."""
    return ProtocolMatch("systat", certain=False) if _is_text(answer) else None


def read_chargen(answer: bytes) -> ProtocolMatch | None:
    """Read any characters; by custom the printable ones in a rotating order (RFC 864)."""
    return ProtocolMatch("chargen") if _CHARACTERS.match(answer) else None


def _is_text(answer: bytes) -> bool:
    return 0 < len(answer) <= 512 and all(byte in b"\t\r\n" or byte >= 0x20 for byte in answer)


_PTP_DEFAULT_DATA_SET = 0x2000

CLOCKS: tuple[Question, ...] = (
    Question(
        "ntp",
        (123,),
        compose(b"\x16\2", _SEQUENCE, bytes(8)),
        read_ntp_control,
        largest=480,
        source="RFC 9327 2",
        proof=Proof(_SEQUENCE, 2),
        services=("ntp",),
    ),
    Question(
        "ntp",
        (123,),
        compose(b"\x23\0\6\xec" + bytes(36), _CLOCK),
        read_ntp,
        largest=68,
        source="RFC 5905 7.3",
        proof=Proof(_CLOCK, 24),
        services=("ntp",),
    ),
    Question(
        "ptp",
        (320,),
        compose(
            b"\x0d\2" + u16(54) + bytes(16),
            _CLOCK,
            u16(1, 0) + b"\4\x7f" + b"\xff" * 10 + b"\1\1\0\0" + u16(1, 2, _PTP_DEFAULT_DATA_SET),
        ),
        read_ptp,
        largest=128,
        source="IEEE 1588-2008 15.4, 15.5.3.3",
        proof=Proof(_CLOCK, 34),
        services=("ptp-general",),
    ),
    Question("daytime", (13,), compose(b"\r\n"), read_daytime, largest=128, source="RFC 867", services=("daytime",)),
    Question("time", (37,), compose(b""), read_time, largest=4, source="RFC 868", services=("time",)),
    Question(
        "echo",
        (7,),
        compose(b"echo ", Token(8, Form.HEX)),
        read_echo,
        largest=21,
        source="RFC 862",
        proof=Proof(Token(8, Form.HEX), 5),
        services=("echo",),
    ),
    Question("qotd", (17,), compose(bytes(64)), read_quote, largest=512, source="RFC 865", services=("qotd",)),
    Question("systat", (11,), compose(bytes(64)), read_users, largest=512, source="RFC 866", services=("systat",)),
    Question(
        "chargen", (19,), compose(bytes(256)), read_chargen, largest=1024, source="RFC 864", services=("chargen",)
    ),
)
"""Questions to clocks and small services."""

"""Logins and remote desktops."""

import re
import struct

from scanner.core.recognise.identity import AUTHENTICATION_REQUIRED, NO_AUTHENTICATION, ProtocolMatch
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row, text

_RDP_SECURITY = {0: "standard RDP security", 1: "TLS", 2: "NLA", 8: "NLA extended"}


def rdp(data: bytes) -> ProtocolMatch | None:
    """A TPKT with an X.224 connection confirm (MS-RDPBCGR 2.2.1.2)."""
    if len(data) < 11 or data[:3] != b"\3\0\0" or data[5] != 0xD0:
        return None
    if len(data) >= 19 and data[11] == 2:
        chosen = int.from_bytes(data[15:19], "little")
        return ProtocolMatch("rdp", detail=_RDP_SECURITY.get(chosen, ""))
    return ProtocolMatch("rdp", detail="refuses what we offer" if len(data) >= 19 and data[11] == 3 else "")


def tpkt(data: bytes) -> ProtocolMatch | None:
    """One whole TPKT with something else than a confirm (RFC 1006 6): RDP's own question decides."""
    whole = len(data) >= 7 and data[:2] == b"\3\0" and int.from_bytes(data[2:4], "big") == len(data)
    return ProtocolMatch("rdp", certain=False) if whole and data[5] in (0x80, 0xF0) else None


def x11(data: bytes) -> ProtocolMatch | None:
    """The answer to a connection setup (X11 protocol, chapter 8): refused, accepted or authenticate."""
    if len(data) < 8 or data[0] > 2:
        return None
    if data[0] == 2:
        return ProtocolMatch("x11", detail="authentication required") if data[1:6] == b"\0" * 5 else None
    if data[2:4] not in (b"\x0b\0", b"\0\x0b") or data[4:6] != b"\0\0":
        return None
    if data[0] == 0:
        return ProtocolMatch("x11", version="11.0", detail=text(data[8 : 8 + data[1]]))
    if len(data) < 40:
        return None
    vendor = text(data[40 : 40 + int.from_bytes(data[24:26], "little")])
    return ProtocolMatch("x11", vendor, "11.0", "open to anybody")


_RDP_REQUEST = b"\3\0\0\x13\x0e\xe0\0\0\0\0\0" + struct.pack("<BBHI", 1, 0, 8, 3)
"""MS-RDPBCGR 2.2.1.1: connection request that offers TLS and NLA."""


_X11_SETUP = struct.pack("<BBHHHHH", 0x6C, 0, 11, 0, 0, 0, 0)
"""X11 protocol, chapter 8: little-endian, version 11.0, no authorisation."""


_VNC_GREETING = re.compile(rb"RFB (\d{3})\.(\d{3})\n")
_VNC_PASSWORDS = frozenset({2, 5, 6, 13, 30, 35, 36})


def vnc_reply(greeting: bytes) -> bytes:
    """The version that we take: the highest of 3.3, 3.7 and 3.8 that the server has (RFC 6143 7.1.1)."""
    found = _VNC_GREETING.match(greeting)
    minor = 8 if found is None or int(found[1]) > 3 else int(found[2])
    return b"RFB 003.00%d\n" % (8 if minor >= 8 else 7 if minor == 7 else 3)


def vnc(data: bytes) -> ProtocolMatch | None:
    """The greeting and then the security types that are offered (RFC 6143 7.1.2); type 1 needs no password.

    Version 3.3 has one type of four bytes, later ones a count and as many types of one byte.
    """
    found = _VNC_GREETING.match(data)
    if found is None:
        return None
    version, types = text(found[1] + b"." + found[2]), data[found.end() :]
    offered = types[1 : 1 + types[0]] if types else b""
    if vnc_reply(data).endswith(b"3\n"):
        offered = types[3:4] if types[:3] == b"\0\0\0" else b""
    if 1 in offered:
        return ProtocolMatch("vnc", version=version, detail=NO_AUTHENTICATION)
    asks = bool(offered) and _VNC_PASSWORDS.issuperset(offered)
    return ProtocolMatch("vnc", version=version, detail=AUTHENTICATION_REQUIRED if asks else "")


_SPICE_LINK = struct.pack("<4sIII", b"REDQ", 2, 2, 18) + struct.pack("<IBBIII", 0, 1, 0, 0, 0, 18)
"""A link to the main channel of a new session, without capabilities; what follows it would be the ticket."""


def spice(data: bytes) -> ProtocolMatch | None:
    """The reply: the same magic, its version, and as many bytes as it says."""
    if len(data) < 20 or data[:4] != b"REDQ":
        return None
    major, minor = struct.unpack("<II", data[4:12])
    return ProtocolMatch("spice", version=f"{major}.{minor}") if major <= 2 and minor <= 99 else None


REMOTE: tuple[Protocol, ...] = (
    Protocol(
        "ssh",
        ProtocolKind.LOGIN,
        "RFC 4253 4.2 (lines may come before the identification)",
        iana_names="ssh ssh-mgmt sdo-ssh netconf-ssh netconf-ch-ssh tl1-ssh snmpssh",
        greets_first=True,
        recognise=(
            row(
                "ssh",
                rb"(?:(?!SSH-)[^\r\n]{0,255}\r?\n){0,20}SSH-[12]\.\d+-(?P<product>OpenSSH|dropbear|libssh|Cisco)"
                rb"[_-]?(?P<version>[^\r\n ]{0,60})",
            ),
            row("ssh", rb"(?:(?!SSH-)[^\r\n]{0,255}\r?\n){0,20}SSH-[12]\.\d+-(?P<product>[^\r\n ]{0,100})"),
        ),
    ),
    Protocol(
        "vnc",
        ProtocolKind.REMOTE_CONTROL,
        "RFC 6143 7.1.1, 7.1.2",
        iana_names="rfb",
        default_ports=(5900, 5901),
        greets_first=True,
        hello=Hello(answers=(vnc,), after_greeting=True, reply=vnc_reply, tells_more=True),
        recognise=(vnc,),
    ),
    Protocol(
        "rdp",
        ProtocolKind.REMOTE_CONTROL,
        "MS-RDPBCGR 2.2.1.1, 2.2.1.2; RFC 1006 6",
        iana_names="ms-wbt-server vmrdp",
        hello=Hello(_RDP_REQUEST, (rdp,)),
        recognise=(
            rdp,
            tpkt,
        ),
    ),
    Protocol(
        "x11",
        ProtocolKind.REMOTE_CONTROL,
        "X Window System Protocol, chapter 8",
        iana_names="x11",
        plain_text=True,
        hello=Hello(_X11_SETUP, (x11,)),
    ),
    Protocol(
        "spice",
        ProtocolKind.REMOTE_CONTROL,
        "SPICE protocol, 2.1 to 2.3: SpiceLinkMess and SpiceLinkReply",
        hello=Hello(_SPICE_LINK, (spice,)),
    ),
)
"""Logins and remote desktops; telnet, whose prompt many could send, comes last in the catalogue."""

TELNET: tuple[Protocol, ...] = (
    Protocol(
        "telnet",
        ProtocolKind.REMOTE_CONTROL,
        "RFC 854",
        iana_names="telnet rtelnet ktelnet skytelnet hp-3000-telnet tl1-telnet scpi-telnet telnetcpcd",
        tls_names="telnets",
        greets_first=True,
        plain_text=True,
        recognise=(
            row("telnet", rb"(?:\xff[\xfb-\xfe][\x00-\x31\xff]){1,60}"),
            row("telnet", rb"[^\x00]{0,600}?(?i:login|username|user name|password) ?: ?\Z"),
        ),
    ),
)
"""The last row of the catalogue."""

"""File transfer, sharing and versions."""

import re
import struct

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row, text

_LINE = rb"[^\r\n]{0,400}"


_DIALECTS = {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1", 0x02FF: "2"}


def smb(data: bytes) -> ProtocolMatch | None:
    """An SMB header behind a session message (MS-SMB2 2.1, 2.2.1, 2.2.4; RFC 1002 4.3.1)."""
    if len(data) < 12 or data[0] != 0:
        return None
    if data[4:8] == b"\xffSMB":
        return ProtocolMatch("smb", version="1")
    if data[4:8] != b"\xfeSMB":
        return None
    dialect = int.from_bytes(data[72:74], "little") if len(data) >= 74 else 0
    signing = "signing required" if len(data) > 70 and data[70] & 2 else "signing not required"
    return ProtocolMatch("smb", version=_DIALECTS.get(dialect, ""), detail=signing if dialect else "")


def _smb2_negotiate() -> bytes:
    """MS-SMB2 2.2.1.2 and 2.2.3, dialects 2.0.2 to 3.0.2, in a session message."""
    header = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ", 64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + bytes(16)
    dialects = (0x0202, 0x0210, 0x0300, 0x0302)
    body = struct.pack("<HHHHI16sQ", 36, len(dialects), 1, 0, 0, b"scanner-iana....", 0)
    message = header + body + struct.pack(f"<{len(dialects)}H", *dialects)
    return struct.pack(">I", len(message)) + message


def ftp_lines(data: bytes) -> ProtocolMatch | None:
    """A greeting of several lines whose inner lines carry no code, which SMTP does not allow (RFC 959 4.2)."""
    lines = data.split(b"\n")
    if not lines[0].startswith(b"220-"):
        return None
    last = next((at for at, line in enumerate(lines) if line.startswith(b"220 ")), 0)
    without_code = any(not line.startswith(b"220") for line in lines[1:last])
    return ProtocolMatch("ftp") if without_code else None


def ftp_system(data: bytes) -> ProtocolMatch | None:
    """A greeting and the answer to SYST (RFC 959 4.1.3): 215, or the wish for a login."""
    told = data.startswith(b"220") and re.search(rb"\n(?:215|530)[ -]", data)
    return ProtocolMatch("ftp") if told else None


def _git_request() -> bytes:
    """A request for the names of a repository that is not there, as one packet line."""
    words = b"git-upload-pack /scanner-iana\0host=invalid\0"
    return f"{len(words) + 4:04x}".encode() + words


def git(data: bytes) -> ProtocolMatch | None:
    """A packet line: four hexadecimal digits, then an error or the first of the names."""
    found = re.match(rb"[0-9a-f]{4}(?:ERR |[0-9a-f]{40}[ \0])", data)
    return ProtocolMatch("git", "git daemon") if found else None


_DSI_ID = b"sc"
"""The request id of our DSIGetStatus; a reply repeats it."""


def afp(data: bytes) -> ProtocolMatch | None:
    """The reply to DSIGetStatus: server information whose first offset leads to the machine's type."""
    if len(data) < 26 or data[:4] != b"\1\3" + _DSI_ID:
        return None
    at = 16 + int.from_bytes(data[16:18])
    machine = text(data[at + 1 : at + 1 + data[at]]) if at < len(data) else ""
    return ProtocolMatch("afp", machine, detail=text(data[27 : 27 + data[26]]) if len(data) > 26 else "")


def _netbios_name(name: bytes, kind: int) -> bytes:
    """A name of the first level (RFC 1001 14.1): each half byte as a letter from A on."""
    padded = name.ljust(15) + bytes([kind])
    letters = bytes(65 + half for byte in padded for half in (byte >> 4, byte & 15))
    return b"\x20" + letters + b"\0"


def _session_request() -> bytes:
    names = _netbios_name(b"*SMBSERVER", 0x20) + _netbios_name(b"SCANNER", 0)
    return struct.pack(">BBH", 0x81, 0, len(names)) + names


def netbios_session(data: bytes) -> ProtocolMatch | None:
    """A positive response, which has no body; only for answers to our request."""
    return ProtocolMatch("netbios-ssn") if data == b"\x82\0\0\0" else None


def netbios_refusal(data: bytes) -> ProtocolMatch | None:
    """A negative response with its code: any other message gets one too."""
    refused = len(data) == 5 and data[:4] == b"\x83\0\0\1" and data[4] in (0x80, 0x81, 0x82, 0x83, 0x8F)
    return ProtocolMatch("netbios-ssn") if refused else None


FILES: tuple[Protocol, ...] = (
    Protocol(
        "ftp",
        ProtocolKind.FILES,
        "RFC 959 5.4",
        iana_names="ftp",
        tls_names="ftps",
        greets_first=True,
        plain_text=True,
        hello=Hello(b"SYST\r\n", (ftp_system,), after_greeting=True),
        recognise=(
            row(
                "ftp",
                rb"220[ -]\(?(?P<product>vsFTPd|Pure-FTPd|ProFTPD|FileZilla Server|Microsoft FTP Service)"
                rb"(?: Server)?(?: (?P<version>\d[\w.+-]{0,40}))?",
            ),
            row("ftp", rb"220[ -]-*" + _LINE + rb"(?P<product>Pure-FTPd|ProFTPD|vsFTPd)"),
            row("ftp", rb"(?:220|421)[ -]" + _LINE + rb"\bFTP\b"),
            row("ftp", rb"(?:220[ -]" + _LINE + rb"\r?\n){1,20}(?:530[ -]|500[ -]|215[ -])"),
            ftp_lines,
        ),
    ),
    Protocol(
        "smb",
        ProtocolKind.FILES,
        "MS-SMB2 2.2.3, 2.2.4; RFC 1002 4.3.1",
        iana_names="microsoft-ds netbios-ssn",
        hello=Hello(_smb2_negotiate(), (smb,)),
        recognise=(smb,),
    ),
    Protocol(
        "rsync",
        ProtocolKind.FILES,
        "rsync, csprotocol.txt",
        iana_names="rsync",
        greets_first=True,
        recognise=(row("rsync", rb"@RSYNCD: (?P<version>\d{1,3}(?:\.\d{1,3})?)"),),
    ),
    Protocol(
        "svn",
        ProtocolKind.FILES,
        "Subversion, ra_svn protocol",
        iana_names="svn",
        greets_first=True,
        recognise=(row("svn", rb"\( success \( \d \d \( "),),
    ),
    Protocol(
        "git",
        ProtocolKind.FILES,
        "git documentation, gitprotocol-pack(5)",
        iana_names="git",
        hello=Hello(_git_request(), (git,)),
    ),
    Protocol(
        "cvs",
        ProtocolKind.FILES,
        "CVS client/server protocol, pserver; the server's own complaint",
        iana_names="cvspserver",
        recognise=(row("cvs", rb"(?:[\w/.-]{0,60})?cvs \[(?:pserver|server) aborted\]: "),),
        plain_text=True,
    ),
    Protocol(
        "afp",
        ProtocolKind.FILES,
        "Apple Filing Protocol reference, DSIGetStatus, FPGetSrvrInfo",
        iana_names="afpovertcp",
        hello=Hello(b"\0\3" + _DSI_ID + bytes(12), (afp,)),
    ),
    Protocol(
        "netbios-ssn",
        ProtocolKind.FILES,
        "RFC 1002 4.3",
        iana_names="netbios-ssn",
        hello=Hello(_session_request(), (netbios_session,)),
        default_ports=(139,),
        recognise=(netbios_refusal,),
    ),
)
"""File transfer, sharing and versions."""

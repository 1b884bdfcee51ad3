"""Questions to directories, logins, files and databases: Kerberos, CLDAP, TFTP, MS SQL Server's browser, web caches.

Kerberos is asked for a principal that does not exist, TFTP for a file that does not, and a cache for a name below
`.invalid`. The SQL browser is asked for one instance, not for the list of all.
"""

import re

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.recogniser import text
from scanner.core.udp.encode import ber, ber_int, u16, u32
from scanner.core.udp.question import Form, Proof, Question, Replies, Token, compose

_HEX = Token(8, Form.HEX)
_ID32 = Token(4)
_ID31 = Token(4, keep=0x7F, put=0x40)
_REALM = b"SCANNER.INVALID"
_TFTP_ERRORS = {0: "error", 1: "no such file", 2: "access violation", 4: "illegal operation", 8: "option refused"}
_KRB_ERROR = 0x7E
_ATTRIBUTES = (b"vendorName", b"vendorVersion", b"dnsHostName")
_REALM_FIELD = re.compile(rb"\xa9.\x1b([\x01-\x7f])", re.DOTALL)


def _as_request() -> tuple[bytes | Token, ...]:
    """Return AS-REQ for a name of sixteen hexadecimal digits in a realm that does not exist (RFC 4120 5.4.1)."""
    name = bytes(_HEX.size)
    before = ber(0xA0, ber(3, b"\0\0\0\0\0"))
    cname = ber(0xA1, ber(0x30, ber(0xA0, ber_int(1)), ber(0xA1, ber(0x30, ber(0x1B, name)))))
    realm = ber(0xA2, ber(0x1B, _REALM))
    service = ber(0x30, ber(0x1B, b"krbtgt"), ber(0x1B, _REALM))
    sname = ber(0xA3, ber(0x30, ber(0xA0, ber_int(2)), ber(0xA1, service)))
    till = ber(0xA5, ber(0x18, b"20370101000000Z"))
    nonce = ber(0xA7, ber_int(1))
    kinds = ber(0xA8, ber(0x30, ber_int(18), ber_int(17), ber_int(23)))
    body = ber(0xA4, ber(0x30, before, cname, realm, sname, till, nonce, kinds))
    whole = ber(0x6A, ber(0x30, ber(0xA1, ber_int(5)), ber(0xA2, ber_int(10)), body))
    at = whole.index(name)
    return whole[:at], _HEX, whole[at + len(name) :]


def read_kerberos(answer: bytes) -> ProtocolMatch | None:
    """Read a KRB-ERROR: the realm that the server answers for is in it (RFC 4120 5.9.1)."""
    if answer[:1] != bytes([_KRB_ERROR]) or b"\x02\x01\x05" not in answer[:16]:
        return None
    found = _REALM_FIELD.search(answer)
    realm = text(answer[found.end() : found.end() + found[1][0]]) if found else ""
    known = realm and realm != _REALM.decode()
    return ProtocolMatch("kerberos", version="5", detail=f"realm {realm}" if known else "")


def _root_search() -> tuple[bytes | Token, ...]:
    """Return a search for the directory's root, a few short attributes only (RFC 4511 4.5.1, 4.5.1.8)."""
    wanted = ber(0x30, *(ber(4, name) for name in _ATTRIBUTES))
    search = ber(
        0x63,
        *(ber(4), ber(10, b"\0"), ber(10, b"\0"), ber_int(1), ber_int(1), ber(1, b"\0")),
        *(ber(0x87, b"objectClass"), wanted),
    )
    return bytes([0x30, 6 + len(search), 2, 4]), _ID31, search


def read_cldap(answer: bytes) -> ProtocolMatch | None:
    """Read a search entry or result (RFC 4511 4.5.2): vendor and host name, where it says so."""
    if answer[:1] != b"\x30" or not {0x64, 0x65} & set(answer[6:16]):
        return None
    return ProtocolMatch(
        "cldap",
        _attribute(answer, b"vendorName"),
        _attribute(answer, b"vendorVersion"),
        _attribute(answer, b"dnsHostName"),
    )


def _attribute(answer: bytes, name: bytes) -> str:
    """Return the first value of an attribute: a set with a string in it follows the name."""
    at = answer.find(name)
    if at < 0:
        return ""
    value = answer.find(b"\4", at + len(name), at + len(name) + 8)
    return text(answer[value + 2 : value + 2 + answer[value + 1]]) if 0 < value < len(answer) - 1 else ""


def read_tftp(answer: bytes) -> ProtocolMatch | None:
    """Read an error, or data of a file that should not be there (RFC 1350 5)."""
    if len(answer) < 5 or answer[:2] != b"\0\5":
        return ProtocolMatch("tftp", detail="sends data for any name") if answer[:4] == b"\0\3\0\1" else None
    return ProtocolMatch("tftp", detail=_TFTP_ERRORS.get(answer[3], "error"))


def read_sql_browser(answer: bytes) -> ProtocolMatch | None:
    """Read a list of names and values behind three bytes (MC-SQLR 2.2.5)."""
    if answer[:1] != b"\5" or len(answer) < 4:
        return None
    words = text(answer[3:]).split(";")
    facts = dict(zip(words[::2], words[1::2], strict=False))
    port = facts.get("tcp", "")
    return ProtocolMatch(
        "ms-sql-m", "Microsoft SQL Server", facts.get("Version", ""), f"instance on tcp {port}" if port else ""
    )


def read_icp(answer: bytes) -> ProtocolMatch | None:
    """Read an ICP message version 2: hit, miss, denied (RFC 2186 2)."""
    return ProtocolMatch("icp", version="2") if len(answer) >= 20 and answer[1] == 2 and 1 <= answer[0] <= 23 else None


def read_htcp(answer: bytes) -> ProtocolMatch | None:
    """Read a response to NOP (RFC 2756 2, 6.1)."""
    whole = len(answer) >= 12 and int.from_bytes(answer[:2]) == len(answer) and answer[2] == 0
    return ProtocolMatch("htcp", version=f"0.{answer[3]}") if whole else None


_URL = (b"http://", _HEX, b".invalid/\0")

DIRECTORY: tuple[Question, ...] = (
    Question(
        "kerberos",
        (88,),
        compose(*_as_request()),
        read_kerberos,
        largest=512,
        source="RFC 4120 5.4.1",
        proof=Proof(_HEX),
        services=("kerberos",),
    ),
    Question(
        "cldap",
        (389,),
        compose(*_root_search()),
        read_cldap,
        largest=400,
        source="RFC 4511 4.5.1, MS-ADTS 3.1.1.3.1.3",
        proof=Proof(_ID31),
        services=("ldap",),
    ),
    Question(
        "tftp",
        (69,),
        compose(b"\0\1", _HEX, b"\0octet\0"),
        read_tftp,
        largest=128,
        source="RFC 1350 2",
        services=("tftp",),
        replies=Replies.ANY_PORT,
    ),
    Question(
        "ms-sql-m",
        (1434,),
        compose(b"\4MSSQLSERVER\0"),
        read_sql_browser,
        largest=512,
        source="MC-SQLR 2.2.3",
        services=("ms-sql-m",),
    ),
    Question(
        "icp",
        (3130,),
        compose(b"\1\2" + u16(20 + 4 + 33), _ID32, u32(0, 0, 0, 0), *_URL),
        read_icp,
        largest=64,
        source="RFC 2186 2",
        proof=Proof(_ID32, 4),
        services=("icpv2",),
    ),
    Question(
        "htcp",
        (4827,),
        compose(u16(14) + b"\0\1" + u16(8) + b"\0\2", _ID32, u16(2)),
        read_htcp,
        largest=32,
        source="RFC 2756 2, 6.1",
        proof=Proof(_ID32, 8),
        services=("squid-htcp",),
    ),
)
"""Questions to directories, files and databases."""

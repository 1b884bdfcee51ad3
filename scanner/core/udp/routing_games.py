"""Questions to routers, file sharing and games: RIP, BitTorrent, Quake and Source engines, RakNet.

A router is asked for the metric of one single prefix, never for its table. A BitTorrent node is told that we are
read-only, so that it does not add us to its table. Games are asked for the short form of their status.
"""

import re

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.recogniser import text
from scanner.core.udp.encode import u16, u32
from scanner.core.udp.question import Form, Proof, Question, Token, compose

_RAW, _HEX, _ID32 = Token(8), Token(8, Form.HEX), Token(4)
_OUT_OF_BAND = b"\xff\xff\xff\xff"
_RAKNET_MAGIC = bytes.fromhex("00ffff00fefefefefdfdfdfd12345678")
_TRACKER_MAGIC = bytes.fromhex("0000041727101980")


def read_rip(answer: bytes) -> ProtocolMatch | None:
    """Read a response with the entry that was asked for (RFC 2453 3.6, 3.9.1)."""
    return (
        ProtocolMatch("rip", version=str(answer[1]))
        if len(answer) == 24 and answer[0] == 2 and answer[1] in (1, 2)
        else None
    )


def read_ripng(answer: bytes) -> ProtocolMatch | None:
    """Read the same for IPv6 (RFC 2080 2.1)."""
    return ProtocolMatch("ripng", version="1") if len(answer) == 24 and answer[:2] == b"\2\1" else None


def read_dht(answer: bytes) -> ProtocolMatch | None:
    """Read a bencoded response or error; `v` names the client (BEP 5)."""
    if answer[:1] != b"d" or not re.search(rb"1:y1:[re]", answer):
        return None
    client = re.search(rb"1:v4:([ -~]{2})", answer)
    return ProtocolMatch("bittorrent-dht", detail=f"client {text(client[1])}" if client else "")


def read_tracker(answer: bytes) -> ProtocolMatch | None:
    """Read a connect response, or an error (BEP 15)."""
    connected = len(answer) >= 16 and answer[:4] == u32(0)
    return ProtocolMatch("bittorrent-tracker") if connected or answer[:4] == u32(3) else None


def read_quake3(answer: bytes) -> ProtocolMatch | None:
    r"""Read keys and values behind backslashes (ioquake3, server infoResponse)."""
    if not answer.startswith(_OUT_OF_BAND + b"infoResponse\n"):
        return None
    words = text(answer[17:]).split("\\")[1:]
    facts = dict(zip(words[::2], words[1::2], strict=False))
    return ProtocolMatch("quake3", facts.get("gamename", ""), detail=facts.get("hostname", ""))


def read_quakeworld(answer: bytes) -> ProtocolMatch | None:
    """Read a challenge: `c` and a number in QuakeWorld, a word and a number in Quake 2."""
    return (
        ProtocolMatch("quakeworld")
        if re.match(_OUT_OF_BAND + rb"(?:c-?\d{1,10}|challenge -?\d{1,10})", answer)
        else None
    )


def read_doom3(answer: bytes) -> ProtocolMatch | None:
    """Read the challenge and key, value pairs (id Software, Doom 3 server query)."""
    return ProtocolMatch("doom3") if answer.startswith(b"\xff\xffinfoResponse\0") else None


def read_source(answer: bytes) -> ProtocolMatch | None:
    """Read information, or a challenge that comes before it (Valve developer wiki, Server queries, A2S_INFO)."""
    if answer[:4] != _OUT_OF_BAND or answer[4:5] not in (b"I", b"A", b"m"):
        return None
    words = answer[6:].split(b"\0") if answer[4:5] == b"I" else []
    return ProtocolMatch(
        "a2s", text(words[3]) if len(words) > 3 else "", detail=text(words[0]) if words else "asks for a challenge"
    )


def read_raknet(answer: bytes) -> ProtocolMatch | None:
    """Read an unconnected pong: edition, name, version behind semicolons (RakNet; Minecraft's server list)."""
    if answer[:1] != b"\x1c" or _RAKNET_MAGIC not in answer[:40]:
        return None
    words = text(answer[35:]).split(";")
    return ProtocolMatch("raknet", words[0], words[3] if len(words) > 3 else "", words[1] if len(words) > 1 else "")


ROUTING_AND_GAMES: tuple[Question, ...] = (
    Question(
        "rip",
        (520,),
        compose(b"\1\2\0\0" + u16(2, 0), _ID32, u32(0, 0, 16)),
        read_rip,
        largest=24,
        source="RFC 2453 3.9.1",
        proof=Proof(_ID32, 8),
        services=("router",),
    ),
    Question(
        "ripng",
        (521,),
        compose(b"\1\1\0\0" + b"\x20\1\x0d\xb8", _RAW, u32(0) + u16(0) + b"\x80\x10"),
        read_ripng,
        largest=24,
        source="RFC 2080 2.4.1",
        proof=Proof(_RAW, 8),
        services=("ripng",),
    ),
    Question(
        "bittorrent-dht",
        (6881, 51413),
        compose(b"d1:ad2:id20:scannerreadonly", Token(5), b"e1:q4:ping2:roi1e1:t8:", _RAW, b"1:y1:qe"),
        read_dht,
        largest=120,
        source="BEP 5, BEP 43",
        proof=Proof(_RAW),
    ),
    Question(
        "bittorrent-tracker",
        (6969,),
        compose(_TRACKER_MAGIC + u32(0), _ID32),
        read_tracker,
        largest=64,
        source="BEP 15",
        proof=Proof(_ID32, 4),
    ),
    Question(
        "quake3",
        (26000, 27960),
        compose(_OUT_OF_BAND + b"getinfo ", _HEX),
        read_quake3,
        largest=400,
        source="ioquake3, code/server/sv_main.c (SVC_Info)",
        proof=Proof(_HEX),
    ),
    Question(
        "quakeworld",
        (27500, 27910),
        compose(_OUT_OF_BAND + b"getchallenge\n"),
        read_quakeworld,
        largest=64,
        source="QuakeWorld and Quake 2 sources, SVC_GetChallenge",
    ),
    Question(
        "doom3",
        (27666,),
        compose(b"\xff\xffgetInfo\0", _ID32),
        read_doom3,
        largest=500,
        source="Doom 3 source, idAsyncServer::ProcessGetInfoMessage",
        proof=Proof(_ID32, 15),
    ),
    Question(
        "a2s",
        (27015, 27016),
        compose(_OUT_OF_BAND + b"TSource Engine Query\0"),
        read_source,
        largest=300,
        source="Valve developer wiki, Server queries, A2S_INFO",
    ),
    Question(
        "raknet",
        (19132, 19133),
        compose(b"\1", _RAW, _RAKNET_MAGIC + bytes(8)),
        read_raknet,
        largest=300,
        source="RakNet, unconnected ping; wiki.vg, Raknet protocol",
        proof=Proof(_RAW, 1),
    ),
)
"""Questions to routers, file sharing and games."""

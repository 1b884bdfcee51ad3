"""Answers as the specifications write them (the row of each protocol names its own), for protocols without a real server here."""
# ruff: noqa: E501 - one case a line reads better

import struct

import pytest

from scanner.core.recognise.catalogue import PROTOCOLS
from scanner.core.recognise.hellos import HELLOS, recognise
from scanner.core.recognise.identity import AUTHENTICATION_REQUIRED, NO_AUTHENTICATION, ProtocolMatch

ENIP_ITEM = struct.pack("<H", 1) + bytes(16) + struct.pack("<HHHBBHI", 1, 14, 54, 20, 11, 0, 7) + b"\x0b1756-EN2T/B\xff"
ENIP = (
    b"\x63\0"
    + struct.pack("<H", 60)
    + bytes(8)
    + b"scanner!"
    + bytes(4)
    + b"\1\0\x0c\0"
    + struct.pack("<H", 40)
    + ENIP_ITEM
)
MODBUS = b"\x73\x63\0\0\0\x1e\xff\x2b\x0e\1\1\0\0\3" + b"\0\4ACME\1\4P-42\2\0052.1.3"
AFP = b"\1\3sc" + bytes(12) + struct.pack(">HHHHH", 18, 30, 40, 0, 0x8373) + b"\4home\0\0\0" + b"\x08Netatalk"
ADB = b"CNXN" + struct.pack("<IIII", 0x01000000, 4096, 8, 0) + struct.pack("<I", 0x4E584E43 ^ 0xFFFFFFFF) + b"device::"
ADB_AUTH = b"AUTH" + struct.pack("<IIII", 1, 0, 20, 0) + struct.pack("<I", 0x48545541 ^ 0xFFFFFFFF) + bytes(20)
OPENVPN = b"\0\x1a\x40" + b"SERVERID" + b"\1" + bytes(4) + b"scanner!" + bytes(4)
STUN = b"\1\1\0\x0c\x21\x12\xa4\x42scanner-iana" + b"\0\x20\0\x08\0\1\1\2\3\4\5\6"
RIAK = b"\0\0\0\x16\x08" + b"\x0a\x0driak@10.0.0.1" + b"\x12\x042.99"
MINECRAFT = b"\x40\0\x3e" + b'{"version":{"name":"1.20","protocol":763},"players":{"max":20}}'

CASES: list[tuple[str | None, bytes, ProtocolMatch]] = [
    ("modbus", MODBUS, ProtocolMatch("modbus", "ACME P-42", "2.1.3")),
    ("modbus", b"\x73\x63\0\0\0\3\xff\xab\1", ProtocolMatch("modbus")),
    ("ethernet-ip", ENIP, ProtocolMatch("ethernet-ip", "1756-EN2T/B", "20.11")),
    ("opc-ua", b"ACKF" + struct.pack("<IIIIII", 28, 0, 8192, 8192, 0, 0), ProtocolMatch("opc-ua")),
    ("opc-ua", b"ERRF" + struct.pack("<III", 16, 0x80830000, 0), ProtocolMatch("opc-ua")),
    ("git", b"0046ERR access denied or repository not exported: /scanner-iana", ProtocolMatch("git", "git daemon")),
    (None, b"cvs [pserver aborted]: bad auth protocol start: GET / HTTP/1.1\n", ProtocolMatch("cvs")),
    ("ident", b"1 , 1 : ERROR : NO-USER\r\n", ProtocolMatch("ident")),
    ("http", b"0, 0 : ERROR : INVALID-PORT\r\n", ProtocolMatch("ident")),
    ("gopher", b"iWelcome\t\terror.host\t1\r\n.\r\n", ProtocolMatch("gopher")),
    ("gopher", b"0About internet Gopher\tStuff:About us\trawBits.micro.umn.edu\t70\r\n", ProtocolMatch("gopher")),
    (None, b"220 dict.lab dictd 1.13.0/rf on Linux <auth.mime> <7.1234.1@lab>\r\n", ProtocolMatch("dict", "dictd", "1.13.0")),
    (None, b"220 dict.org <mime> <100@dict.org>\r\n", ProtocolMatch("dict")),
    (None, b'* ACAP (IMPLEMENTATION "CommuniGate Pro ACAP 6") (STARTTLS)\r\n', ProtocolMatch("acap", "CommuniGate Pro ACAP 6")),
    (None, b'* OK MUPDATE "mupdate.lab" "Cyrus Murder" "v3.6.1" "(master)"\r\n', ProtocolMatch("mupdate", "Cyrus Murder", "3.6.1")),
    (None, b"<<<check_mk>>>\nVersion: 2.2.0p1\nAgentOS: linux\n", ProtocolMatch("checkmk-agent", "Checkmk agent", "2.2.0p1", NO_AUTHENTICATION)),
    (None, b"# munin node at lab.invalid\n", ProtocolMatch("munin", "Munin node", detail="lab.invalid")),
    ("nut", b"Network UPS Tools upsd 2.8.0 - https://www.networkupstools.org/\n", ProtocolMatch("nut", "upsd", "2.8.0")),
    ("http", b"ERR UNKNOWN-COMMAND\n", ProtocolMatch("nut")),
    (None, b'{"class":"VERSION","release":"3.22","rev":"3.22","proto_major":3}\r\n', ProtocolMatch("gpsd", "gpsd", "3.22")),
    (None, b"|/dev/sda|ST31000528AS|31|C|", ProtocolMatch("hddtemp")),
    ("fastcgi", b"\1\x0a\0\0\0\x12\0\0\x0f\1FCGI_MPXS_CONNS0", ProtocolMatch("fastcgi", detail=NO_AUTHENTICATION)),
    ("rmi", b"\x4e\0\x0910.0.0.77\0\0\xa1\xb2", ProtocolMatch("rmi")),
    ("adb", ADB, ProtocolMatch("adb", "Android Debug Bridge", detail=NO_AUTHENTICATION)),
    ("adb", ADB_AUTH, ProtocolMatch("adb", "Android Debug Bridge", detail=AUTHENTICATION_REQUIRED)),
    ("http", b"HTTP/1.1 404 Not Found\r\nContent-type: text/plain\r\n\r\nIt looks like you are making an HTTP request to a Hadoop IPC port.", ProtocolMatch("hadoop-ipc", "Apache Hadoop")),
    ("http", b"HTTP/1.0 400 Bad Request\r\n\r\nPort 9000 is for clickhouse-client program\r\n", ProtocolMatch("clickhouse", "ClickHouse")),
    ("http", b"This is not an HTTP port", ProtocolMatch("elasticsearch-transport", "Elasticsearch")),
    (None, b"\x92\xa4HELO\x83\xa5nonce", ProtocolMatch("fluentd-forward")),
    ("spamd", b"SPAMD/1.5 0 PONG\r\n", ProtocolMatch("spamd", "SpamAssassin")),
    ("clamd", b"ClamAV 1.0.3/27000/Mon Nov 23 2026\0", ProtocolMatch("clamd", "ClamAV", "1.0.3")),
    (None, b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t7\n", ProtocolMatch("dovecot-auth", "Dovecot")),
    (None, b"NBDMAGICIHAVEOPT\0\3", ProtocolMatch("nbd")),
    (None, b"ceph v2\n\x10\0", ProtocolMatch("ceph", version="messenger 2")),
    (None, b"ceph v027" + bytes(20), ProtocolMatch("ceph", version="messenger 1")),
    ("minecraft", MINECRAFT, ProtocolMatch("minecraft", "Minecraft")),
    (None, b"220 VMware Authentication Daemon Version 1.10: SSL Required, ServerDaemonProtocol:SOAP\r\n", ProtocolMatch("vmware-auth", "VMware", "1.10")),
    (None, b"TS3\n\rWelcome to the TeamSpeak 3 ServerQuery interface", ProtocolMatch("teamspeak-query", "TeamSpeak")),
    ("xmpp", b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' from='lab' id='1' version='1.0'>", ProtocolMatch("xmpp")),
    ("afp", AFP, ProtocolMatch("afp", "Netatalk", detail="home")),
    ("netbios-ssn", b"\x82\0\0\0", ProtocolMatch("netbios-ssn")),
    ("http", b"\x83\0\0\1\x8f", ProtocolMatch("netbios-ssn")),
    (None, b"Tarantool 2.6.0 (Binary) 8f8a\n", ProtocolMatch("tarantool", "Tarantool", "2.6.0")),
    ("rethinkdb", b'{"max_protocol_version":0,"min_protocol_version":0,"server_version":"2.4.2","success":true}\0', ProtocolMatch("rethinkdb", "RethinkDB", "2.4.2")),
    ("riak", RIAK, ProtocolMatch("riak", "Riak", "2.99")),
    ("aerospike", b"\2\1\0\0\0\0\0\x0dbuild\t6.0.0.1\n", ProtocolMatch("aerospike", "Aerospike", "6.0.0.1", NO_AUTHENTICATION)),
    ("bolt", b"\0\0\4\5", ProtocolMatch("bolt", "Neo4j", detail="Bolt 5.4")),
    (None, b"\x82\0abcdefgh:mserver:9:PROT10,RIPEMD160:LIT:SHA512:", ProtocolMatch("monetdb", "MonetDB")),
    ("stomp", b"ERROR\nversion:1.0,1.1,1.2\ncontent-type:text/plain\n\nSupported protocol versions\0", ProtocolMatch("stomp")),
    (None, b"\0\0\1\x40\1ActiveMQ\0\0\0\x0c\1", ProtocolMatch("openwire", "Apache ActiveMQ")),
    (None, b"\xff\0\0\0\0\0\0\0\1\x7f\3", ProtocolMatch("zmtp", "ZeroMQ")),
    ("http", b"\0\0\0\x12\0\0\0\1E_BAD_PROTOCOL", ProtocolMatch("nsq", "nsqd")),
    ("http", b"UNKNOWN_COMMAND\r\n", ProtocolMatch("beanstalkd")),
    ("http", b"ICY 404 Resource Not Found\r\n", ProtocolMatch("shoutcast")),
    (None, b"Content-Type: auth/request\n\n", ProtocolMatch("freeswitch-events", "FreeSWITCH")),
    ("openvpn", OPENVPN, ProtocolMatch("openvpn", "OpenVPN")),
    ("stun", STUN, ProtocolMatch("stun")),
    ("tor-control", b'250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250-VERSION Tor="0.4.7.13"\r\n250 OK\r\n', ProtocolMatch("tor-control", "Tor", "0.4.7.13", NO_AUTHENTICATION)),
    ("tor-control", b'250-PROTOCOLINFO 1\r\n250-AUTH METHODS=COOKIE,SAFECOOKIE COOKIEFILE="/x"\r\n250-VERSION Tor="0.4.7.13"\r\n', ProtocolMatch("tor-control", "Tor", "0.4.7.13", AUTHENTICATION_REQUIRED)),
    ("http", b"HTTP/1.0 501 x\r\n\r\n<title>Tor's ControlPort is not an HTTP proxy</title>", ProtocolMatch("tor-control", "Tor")),
    ("http", b"HTTP/1.0 501 x\r\n\r\n<title>Tor is not an HTTP Proxy</title>", ProtocolMatch("socks5", "Tor")),
    ("i2p-sam", b"HELLO REPLY RESULT=OK VERSION=3.1\n", ProtocolMatch("i2p-sam", "I2P", "3.1")),
    (None, b"ncacn_http/1.0", ProtocolMatch("ncacn-http")),
    ("spice", struct.pack("<4sIII", b"REDQ", 2, 2, 186) + bytes(186), ProtocolMatch("spice", version="2.2")),
]  # fmt: skip


@pytest.mark.parametrize(("hello", "data", "match"), CASES, ids=lambda value: str(getattr(value, "protocol", ""))[:16])
def test_an_answer_is_recognised_for_what_it_is(hello: str | None, data: bytes, match: ProtocolMatch) -> None:
    assert recognise(data, HELLOS[hello] if hello else None) == match


@pytest.mark.parametrize(("hello", "data", "match"), CASES, ids=lambda value: str(getattr(value, "protocol", ""))[:16])
def test_no_answer_cut_anywhere_is_taken_for_another_protocol(
    hello: str | None, data: bytes, match: ProtocolMatch
) -> None:
    for end in range(1, min(len(data), 300)):
        found = recognise(data[:end], HELLOS[hello] if hello else None)
        if found is not None and found.certain:
            assert found.protocol in ({match.protocol, "http"} if data.startswith(b"HTTP") else {match.protocol}), data[
                :end
            ]


@pytest.mark.parametrize(("_hello", "data", "match"), CASES, ids=lambda value: str(getattr(value, "protocol", ""))[:16])
@pytest.mark.parametrize("asked", [None, *HELLOS], ids=str)
def test_whatever_was_asked_an_answer_is_not_taken_for_another_protocol(
    _hello: str | None, data: bytes, match: ProtocolMatch, asked: str | None
) -> None:
    found = recognise(data, HELLOS[asked] if asked else None)
    assert found is None or not found.certain or found.protocol == match.protocol


def test_every_case_is_of_a_row() -> None:
    assert {match.protocol for _, _, match in CASES} <= set(PROTOCOLS)


def test_hellos_have_the_lengths_they_claim() -> None:
    assert int(HELLOS["git"].payload[:4], 16) == len(HELLOS["git"].payload)
    assert int.from_bytes(HELLOS["netbios-ssn"].payload[2:4]) == len(HELLOS["netbios-ssn"].payload) - 4
    assert int.from_bytes(HELLOS["opc-ua"].payload[4:8], "little") == len(HELLOS["opc-ua"].payload)
    assert int.from_bytes(HELLOS["modbus"].payload[4:6]) == len(HELLOS["modbus"].payload) - 6
    assert len(HELLOS["ethernet-ip"].payload) == 24
    assert int.from_bytes(HELLOS["fastcgi"].payload[4:6]) == len(HELLOS["fastcgi"].payload) - 8
    assert int.from_bytes(HELLOS["openvpn"].payload[:2]) == len(HELLOS["openvpn"].payload) - 2
    assert len(HELLOS["stun"].payload) == 20
    assert len(HELLOS["afp"].payload) == 16
    assert HELLOS["minecraft"].payload[0] == len(HELLOS["minecraft"].payload) - 3
    assert int.from_bytes(HELLOS["spice"].payload[12:16], "little") == len(HELLOS["spice"].payload) - 16
    assert int.from_bytes(HELLOS["adb"].payload[12:16], "little") == len(HELLOS["adb"].payload) - 24

"""Recognisers, held against what real servers sent (cut and without their addresses) and what specifications say."""
# ruff: noqa: E501 - one case a line reads better

import struct

import pytest

from scanner.core.recognise.hellos import HELLOS, recognise
from scanner.core.recognise.http import http_request
from scanner.core.recognise.identity import LONGEST, ProtocolMatch, excerpt
from scanner.core.recognise.protocols.remote import vnc_reply

RABBITMQ = (
    b"\x01\0\0\0\0\x01\xf3\0\n\0\n\0\x09\0\0\x01\xce\x0ccluster_nameS\0\0\0\4scan\x07productS\0\0\0\x08RabbitMQ"
    b"\x07versionS\0\0\0\x063.10.8\xce"
)
SAMBA = b"\0\0\0\xca\xfeSMB@\0" + bytes(58) + b"\x41\0\x01\0\x02\x03\0\0vm" + bytes(20)
X11 = b"\x01\0\x0b\0\0\0S\0\x8f\xa5\xb8\0\0\0 \0\xff\xff\x1f\0\0\1\0\0\x14\0\xff\xff\1\6\0\0  \x08\xff\0\0\0\0The X.Org Foundation"
DNSMASQ = b"\x007sc\x84\x80\0\1\0\1\0\0\0\0\x07version\4bind\0\0\x10\0\3\xc0\x0c\0\x10\0\3\0\0\0\0\0\r\x0cdnsmasq-2.90"
SLAPD = b"0M\2\1\1dH\4\x000D0%\4\x0bobjectClass1\x16\4\3top\4\x0fOpenLDAProotDSE"
MARIADB = b"d\0\0\0\n5.5.5-10.11.19-MariaDB-0+deb12u1\0\3\0\0\0KAEt<i~_\0\xfe\xf7\x08\2\0\xff\x81\x15" + bytes(60)
MYSQL = b"\x4a\0\0\0\x0a8.0.36\0\x0b\0\0\0" + bytes(80)
NOT_ALLOWED = b"\x43\0\0\x01\xffj\x04Host '10.0.0.9' is not allowed to connect to this MariaDB server"
NATS = b'INFO {"server_id":"N","server_name":"N","version":"2.9.10","proto":1,"max_payload":1048576} \r\n'
ELASTIC = (
    b'HTTP/1.1 200 OK\r\nX-elastic-product: Elasticsearch\r\ncontent-type: application/json\r\n\r\n{\n  "name" : "n",\n'
    b'  "version" : {\n    "number" : "8.11.1",\n    "build_flavor" : "default",\n    "lucene_version" : "9.8.0"\n  },\n'
    b'  "tagline" : "You Know, for Search"\n}'
)
OPENSEARCH = b'HTTP/1.1 200 OK\r\n\r\n{ "version" : { "distribution" : "opensearch",\n "number" : "2.11.0", "lucene_version" : "9" } }'
DOCKER = b'HTTP/1.1 404 Not Found\r\nApi-Version: 1.43\r\nServer: Docker/24.0.7 (linux)\r\n\r\n{"message":"page not found"}\n'
KUBERNETES = b'HTTP/1.1 403 Forbidden\r\nAudit-Id: 1\r\nContent-Type: application/json\r\n\r\n{\n  "kind": "Status",\n  "apiVersion": "v1"'


def refusal(code: int, message: str) -> bytes:
    """An ERR_Packet that a server sends instead of its greeting."""
    body = b"\xff" + struct.pack("<H", code) + message.encode()
    return struct.pack("<I", len(body)) + body


def dns_version(version: str) -> bytes:
    """An answer to `version.bind`."""
    text = bytes([len(version)]) + version.encode()
    record = b"\xc0\x0c\0\x10\0\3\0\0\0\0" + struct.pack(">H", len(text)) + text
    message = b"sc\x84\x80\0\1\0\1\0\0\0\0\7version\4bind\0\0\x10\0\3" + record
    return struct.pack(">H", len(message)) + message


def refused(message: str) -> ProtocolMatch:
    return ProtocolMatch("mysql", detail=message)


CASES: list[tuple[str | None, bytes, ProtocolMatch]] = [
    (None, b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n", ProtocolMatch("ssh", "OpenSSH", "9.2p1")),
    (None, b"SSH-2.0-dropbear_2022.83\r\n", ProtocolMatch("ssh", "dropbear", "2022.83")),
    (None, b"Authorised use only\r\nSSH-2.0-OpenSSH_8.4\r\n", ProtocolMatch("ssh", "OpenSSH", "8.4")),
    (None, b"SSH-2.0-Go\r\n", ProtocolMatch("ssh", "Go")),
    (None, b"RFB 003.008\n", ProtocolMatch("vnc", version="003.008")),
    (None, b"220 lab.invalid ESMTP Exim 4.96 Mon, 23 Nov 2026 05:38:41 +0000\r\n", ProtocolMatch("smtp", "Exim", "4.96")),
    (None, b"220 lab.invalid ESMTP Postfix (Debian/GNU)\r\n", ProtocolMatch("smtp", "Postfix")),
    (None, b"220 mail Microsoft ESMTP MAIL Service ready\r\n", ProtocolMatch("smtp", "Microsoft")),
    (None, b"220 lab.invalid LMTP Dovecot ready\r\n", ProtocolMatch("lmtp")),
    (None, b"220 (vsFTPd 3.0.3)\r\n", ProtocolMatch("ftp", "vsFTPd", "3.0.3")),
    (None, b"220 ProFTPD Server (Debian) [::ffff:127.0.0.1]\r\n", ProtocolMatch("ftp", "ProFTPD")),
    (None, b"220---------- Welcome to Pure-FTPd [privsep] ----------\r\n220 x\r\n", ProtocolMatch("ftp", "Pure-FTPd")),
    (None, b"220-Welcome\r\nthis host is watched\r\n  and slow\r\n220 ready\r\n", ProtocolMatch("ftp")),
    (None, b"521 lab.invalid does not accept mail\r\n", ProtocolMatch("smtp")),
    (None, b"220 gateway ready\r\n", ProtocolMatch("smtp", certain=False)),
    ("ftp", b"220 gateway ready\r\n530 Please login with USER and PASS.\r\n", ProtocolMatch("ftp")),
    ("vnc", b"RFB 003.008\n\1\1", ProtocolMatch("vnc", version="003.008", detail="no authentication")),
    ("vnc", b"RFB 003.007\n\2\2\1", ProtocolMatch("vnc", version="003.007", detail="no authentication")),
    ("vnc", b"RFB 003.008\n\1\2", ProtocolMatch("vnc", version="003.008", detail="authentication required")),
    ("vnc", b"RFB 003.008\n\2\2\x13", ProtocolMatch("vnc", version="003.008")),
    ("vnc", b"RFB 003.008\n\0\0\0\0\7too bad", ProtocolMatch("vnc", version="003.008")),
    ("vnc", b"RFB 003.003\n\0\0\0\1", ProtocolMatch("vnc", version="003.003", detail="no authentication")),
    ("vnc", b"RFB 003.003\n\0\0\0\2", ProtocolMatch("vnc", version="003.003", detail="authentication required")),
    (None, refusal(1129, "Host '10.0.0.9' is blocked because of many connection errors"), refused("Host '10.0.0.9' is blocked because of many connection errors")),
    (None, refusal(1203, "User x already has more than 'max_user_connections' active connections"), refused("User x already has more than 'max_user_connections' active connections")),
    (None, refusal(1053, "Server shutdown in progress"), refused("Server shutdown in progress")),
    (None, refusal(1040, "#08004Too many connections"), refused("#08004Too many connections")),
    ("smtp", b"220 gateway ready\r\n250-gateway\r\n250 SIZE\r\n", ProtocolMatch("smtp")),
    ("smtp", b"220 gateway ready\r\n530 Please login with USER and PASS\r\n", ProtocolMatch("ftp")),
    (None, b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] Dovecot (Debian) ready.\r\n", ProtocolMatch("imap", "Dovecot")),
    (None, b"* BYE go away\r\n", ProtocolMatch("imap")),
    (None, b"+OK Dovecot (Debian) ready.\r\n", ProtocolMatch("pop3", "Dovecot")),
    (None, b"+OK POP3 server ready <1896.697170952@mail.invalid>\r\n", ProtocolMatch("pop3")),
    (None, NATS, ProtocolMatch("nats", "nats-server", "2.9.10", "no authentication")),
    (None, NATS.replace(b'"proto"', b'"auth_required":true,"proto"'), ProtocolMatch("nats", "nats-server", "2.9.10", "authentication required")),
    (None, b"@RSYNCD: 31.0 sha512 sha256\n", ProtocolMatch("rsync", version="31.0")),
    (None, b"( success ( 2 2 ( ) ( edit-pipeline svndiff1 ) ) ) ", ProtocolMatch("svn")),
    (None, b"\xff\xfb%\xff\xfb&\xff\xfd\x18\xff\xfd ", ProtocolMatch("telnet")),
    (None, b"\r\nRouter\r\n\r\nlogin: ", ProtocolMatch("telnet")),
    (None, MARIADB, ProtocolMatch("mysql", "MariaDB", "10.11.19")),
    (None, MYSQL, ProtocolMatch("mysql", "MySQL", "8.0.36")),
    (None, NOT_ALLOWED, ProtocolMatch("mysql", "MariaDB", detail=NOT_ALLOWED[7:].decode())),
    (None, b"\5\0\0\0\x0b\x08\5\x1a\0", ProtocolMatch("mysqlx", "MySQL")),
    (None, b"\xff" * 16 + b"\0\x1d\1\4\xfc\0\0\xb4\x7f\0\0\1\0", ProtocolMatch("bgp", version="4", detail="AS 64512")),
    (None, b"\xff" * 16 + b"\0\x15\3\6\5", ProtocolMatch("bgp", detail="refuses us as a peer")),
    (None, b"\0\0\x18\4\0\0\0\0\0" + bytes(24), ProtocolMatch("http2")),
    ("http", b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\r\n<title>Hi</title>", ProtocolMatch("http", "nginx", "1.22.1", "title: Hi")),
    ("http", b"HTTP/1.0 401 Unauthorized\r\nServer: Apache\r\n\r\n", ProtocolMatch("http", "Apache", detail="authentication required")),
    ("http", b"HTTP/1.1 301 Moved\r\nLocation: /ui/\r\n\r\n", ProtocolMatch("http", "Consul", detail="status 301")),
    ("http", ELASTIC, ProtocolMatch("http", "Elasticsearch", "8.11.1", "no authentication")),
    ("http", OPENSEARCH, ProtocolMatch("http", "OpenSearch", "2.11.0", "no authentication")),
    ("http", DOCKER, ProtocolMatch("http", "Docker Engine API", "24.0.7", "no authentication")),
    ("http", KUBERNETES, ProtocolMatch("http", "Kubernetes API", detail="authentication required")),
    ("http", b"HTTP/1.1 200 OK\r\nX-Jenkins: 2.440\r\n\r\n<title>Dashboard [Jenkins]</title>", ProtocolMatch("http", "Jenkins", "2.440", "no authentication")),
    ("http", b"HTTP/1.1 403 Forbidden\r\nX-Jenkins: 2.440\r\n\r\n", ProtocolMatch("http", "Jenkins", "2.440", "authentication required")),
    ("http", b"HTTP/1.0 200 OK\r\n\r\nIt looks like you are trying to access MongoDB over HTTP", ProtocolMatch("mongodb", "MongoDB")),
    ("http", b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port", ProtocolMatch("tls", certain=False)),
    ("http", b"\x15\3\1\0\2\2\x46", ProtocolMatch("tls")),
    ("http", b"AMQP\0\0\x09\1", ProtocolMatch("amqp", version="0.9.1", certain=False)),
    ("amqp", b"AMQP\3\1\0\0", ProtocolMatch("amqp", version="1.0.0")),
    ("amqp", RABBITMQ, ProtocolMatch("amqp", "RabbitMQ", "3.10.8")),
    ("http", b"\5\xff", ProtocolMatch("socks5", certain=False)),
    ("socks5", b"\5\0", ProtocolMatch("socks5", detail="no authentication")),
    ("socks5", b"\5\xff", ProtocolMatch("socks5", detail="authentication required")),
    ("http", b"\3\0\0\x09\2\xf0\x80!\x80", ProtocolMatch("rdp", certain=False)),
    ("rdp", b"\3\0\0\x13\x0e\xd0\0\0\x124\0\2\1\x08\0\1\0\0\0", ProtocolMatch("rdp", detail="TLS")),
    ("rdp", b"\3\0\0\x13\x0e\xd0\0\0\x124\0\3\0\x08\0\5\0\0\0", ProtocolMatch("rdp", detail="refuses what we offer")),
    ("postgresql", b"S", ProtocolMatch("postgresql", detail="offers TLS")),
    ("postgresql", b"N", ProtocolMatch("postgresql", detail="no TLS")),
    ("http", b"E\0\0\0\x8dSFATAL\0VFATAL\0C0A000\0", ProtocolMatch("postgresql")),
    ("redis", b"$570\r\n# Server\r\nredis_version:7.0.15\r\n", ProtocolMatch("redis", "Redis", "7.0.15", "no authentication")),
    ("redis", b"-NOAUTH Authentication required.\r\n", ProtocolMatch("redis", "Redis", detail="authentication required")),
    ("memcached", b"VERSION 1.6.18\r\n", ProtocolMatch("memcached", "memcached", "1.6.18", "no authentication")),
    ("http", b"ERROR\r\nERROR\r\n", ProtocolMatch("memcached", certain=False)),
    ("mongodb", struct.pack("<i4s4si", 60, b"\1\0\0\0", b"scan", 1) + b"\x10maxWireVersion\0\x15\0\0\0" + bytes(20),
     ProtocolMatch("mongodb", "MongoDB", detail="wire version 21")),
    ("smb", SAMBA, ProtocolMatch("smb", version="3.0.2", detail="signing not required")),
    ("ldap", SLAPD, ProtocolMatch("ldap", "OpenLDAP")),
    ("mqtt", b"\x20\2\0\0", ProtocolMatch("mqtt", detail="no authentication")),
    ("mqtt", b"\x20\2\0\5", ProtocolMatch("mqtt", detail="not authorised")),
    ("dns", DNSMASQ, ProtocolMatch("dns", "dnsmasq", "2.90")),
    ("dns", dns_version("9.18.49-1~deb12u3-Debian"), ProtocolMatch("dns", version="9.18.49-1~deb12u3-Debian")),
    ("dns", dns_version("PowerDNS Authoritative Server 4.7.3 (built x)"), ProtocolMatch("dns", "PowerDNS Authoritative Server", "4.7.3")),
    ("dns", dns_version("unbound 1.17.1"), ProtocolMatch("dns", "unbound", "1.17.1")),
    ("dns", b"\0\x1esc\x84\5\0\1\0\0\0\0\0\0\x07version\4bind\0\0\x10\0\3", ProtocolMatch("dns")),
    ("rpcbind", b"\x80\0\0\x18scan\0\0\0\1" + bytes(16), ProtocolMatch("rpcbind")),
    ("x11", X11, ProtocolMatch("x11", "The X.Org Foundation", "11.0", "open to anybody")),
    ("x11", b"\0\x16\x0b\0\0\0\6\0Authorization required", ProtocolMatch("x11", version="11.0", detail="Authorization required")),
    ("zookeeper", b"Zookeeper version: 3.8.0-5a02a05, built on 2022", ProtocolMatch("zookeeper", "Apache ZooKeeper", "3.8.0")),
    ("zookeeper", b"srvr is not executed because it is not in the whitelist.\n",
     ProtocolMatch("zookeeper", "Apache ZooKeeper", detail="four letter words off")),
    ("kafka", b"\0\0\0\x10scan\0\0\0\0\0\1\0\x12\0\0\0\3", ProtocolMatch("kafka", "Apache Kafka")),
    ("mssql", b"\4\1\0\x2b\0\0\1\0\0\0\x1a\0\6" + bytes(21) + b"\x10\0\x10\x19\0\0", ProtocolMatch("mssql", "Microsoft SQL Server", "16.0.4121")),
    ("cassandra", b"\x84\0\0\0\6\0\0\0\2\0\0", ProtocolMatch("cassandra", "Apache Cassandra")),
    ("msrpc", b"\5\0\x0c\3\x10\0\0\0\x3c\0\0\0\1\0\0\0", ProtocolMatch("msrpc")),
    ("sip", b"SIP/2.0 200 OK\r\nServer: kamailio (5.6.3 (x86_64/linux))\r\n\r\n", ProtocolMatch("sip", "kamailio", detail="status 200")),
    ("rtsp", b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: GStreamer RTSP server\r\n\r\n", ProtocolMatch("rtsp", "GStreamer RTSP server", detail="status 200")),
    ("http", b':irc.lab.invalid 451 * :Connection not registered\r\n', ProtocolMatch("irc", detail="irc.lab.invalid")),
    ("http", b'ERROR :"Oops, HTTP request received? This is IRC!"\r\n', ProtocolMatch("irc")),
    ("epmd", b"\0\0\x11\x11name rabbit at port 25672\n", ProtocolMatch("epmd", detail="name rabbit at port 25672")),
    ("ajp13", b"AB\0\1\x09", ProtocolMatch("ajp13")),
    ("http", http_request("10.0.0.1") + b"more", ProtocolMatch("echo")),
    ("redis", b"INFO server\r\n", ProtocolMatch("echo")),
]  # fmt: skip


@pytest.mark.parametrize(("hello", "data", "match"), CASES, ids=lambda value: str(getattr(value, "protocol", ""))[:12])
def test_an_answer_is_recognised_for_what_it_is(hello: str | None, data: bytes, match: ProtocolMatch) -> None:
    found = recognise(data, HELLOS[hello] if hello else None)
    if match.protocol in {"epmd"} and found is not None:
        found = ProtocolMatch(found.protocol, detail=found.detail.lstrip("\x11 "))
    if match.protocol == "echo" and found is not None:
        found = ProtocolMatch(found.protocol)
    assert found == match


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"x",
        b"hello there\r\n",
        b"S",
        b"N",
        b"\5\0",
        b"\x20\2\0\0",
        b"200",
        b"HTTP",
        b"\xff\xff",
        b"{}",
        b"1" * 8000,
    ],
)
def test_what_says_nothing_is_not_guessed_at(data: bytes) -> None:
    assert recognise(data) is None


@pytest.mark.parametrize(("hello", "data", "match"), CASES, ids=lambda value: str(getattr(value, "protocol", ""))[:12])
def test_no_answer_cut_anywhere_is_taken_for_another_protocol(
    hello: str | None, data: bytes, match: ProtocolMatch
) -> None:
    asked = HELLOS[hello] if hello else None
    for end in range(1, min(len(data), 300)):
        found = recognise(data[:end], asked)
        if found is not None and found.certain and found.protocol != "echo":
            allowed = {match.protocol, "smtp", "ftp"} if data.startswith(b"220") else {match.protocol, "http"}
            assert found.protocol in allowed, (data[:end], found)


def test_an_error_of_another_code_in_the_same_form_is_not_taken_for_mysql() -> None:
    assert recognise(refusal(7, "something else entirely")) is None


@pytest.mark.parametrize(
    ("greeting", "reply"),
    [
        (b"RFB 003.003\n", b"RFB 003.003\n"),
        (b"RFB 003.005\n", b"RFB 003.003\n"),
        (b"RFB 003.007\n", b"RFB 003.007\n"),
        (b"RFB 003.008\n", b"RFB 003.008\n"),
        (b"RFB 003.889\n", b"RFB 003.008\n"),
        (b"RFB 005.000\n", b"RFB 003.008\n"),
        (b"nonsense", b"RFB 003.008\n"),
    ],
)
def test_a_vnc_server_is_answered_in_a_version_that_it_has(greeting: bytes, reply: bytes) -> None:
    assert vnc_reply(greeting) == reply


@pytest.mark.parametrize("name", HELLOS)
def test_a_hello_is_small(name: str) -> None:
    assert len(HELLOS[name].payload) <= 400


@pytest.mark.parametrize("name", [name for name, hello in HELLOS.items() if hello.payload])
def test_a_hello_is_never_taken_for_an_answer(name: str) -> None:
    found = recognise(HELLOS[name].payload, HELLOS[name])
    assert found == ProtocolMatch("echo")


def test_hellos_have_the_lengths_they_claim() -> None:
    smb = HELLOS["smb"].payload
    assert int.from_bytes(smb[:4], "big") == len(smb) - 4
    assert int.from_bytes(HELLOS["mongodb"].payload[:4], "little") == len(HELLOS["mongodb"].payload)
    assert HELLOS["ldap"].payload[1] == len(HELLOS["ldap"].payload) - 2
    assert int.from_bytes(HELLOS["dns"].payload[:2], "big") == len(HELLOS["dns"].payload) - 2
    assert int.from_bytes(HELLOS["msrpc"].payload[8:10], "little") == len(HELLOS["msrpc"].payload)
    assert int.from_bytes(HELLOS["mssql"].payload[2:4], "big") == len(HELLOS["mssql"].payload)
    assert int.from_bytes(HELLOS["rdp"].payload[2:4], "big") == len(HELLOS["rdp"].payload)
    assert HELLOS["mqtt"].payload[1] == len(HELLOS["mqtt"].payload) - 2
    assert int.from_bytes(HELLOS["kafka"].payload[:4], "big") == len(HELLOS["kafka"].payload) - 4
    assert int.from_bytes(HELLOS["rpcbind"].payload[:4], "big") & 0x7FFFFFFF == len(HELLOS["rpcbind"].payload) - 4


def test_an_http_request_names_us_and_cannot_be_broken_by_a_name() -> None:
    request = http_request("b\u00fccher.invalid")
    assert request.count(b"\r\n\r\n") == 1
    assert b"scanner-iana" in request
    assert b"Host: b?cher.invalid\r\n" in request


def test_an_excerpt_is_bounded_and_plain() -> None:
    shown = excerpt(b"\x1b]0;x\x07\r\n\xe2\x80\xae" + bytes(10_000))
    assert len(shown) <= LONGEST
    assert shown.isascii()
    assert shown.isprintable()
    assert shown.startswith("\\x1b]0;x")

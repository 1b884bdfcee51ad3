"""HTTP in both versions, and TLS itself."""

import struct

from scanner.core.recognise.http import http, http2
from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind


def tls(data: bytes) -> ProtocolMatch | None:
    """A TLS record: an alert or the handshake's ServerHello (RFC 8446 5.1, 6)."""
    if len(data) < 6 or data[1] != 3 or data[2] > 4:
        return None
    length = int.from_bytes(data[3:5], "big")
    alert = data[0] == 0x15 and length == 2 and data[5] in (1, 2)
    hello = data[0] == 0x16 and data[5] == 2 and length > 30
    return ProtocolMatch("tls") if alert or hello else None


_WEB = (
    "http www www-http http-alt docker etcd-client etcd-server couchdb winrm wsman ipp wsdapi "
    "oob-ws-http puppet cddbp-alt nessus asip-webadmin http-rpc-epmap privoxy hkp pmwebapi xmpp-bosh cim-rs cimple "
    "webpush saphostctrl event-port cpq-wbem webaccess d2000webserver dey-sapi ktickets-rest bsfserver-zn storageos "
    "talon-webserver sunproxyadmin websnp openremote-ctrl ezproxy ezproxy-2 mos-soap mos-soap-opt bveapi sgi-soap"
)
_WEB_TLS = (
    "saphostctrls rid bsfsvr-zn-ssl spss wso2esb-console https docker-s wsmans ipps wsdapi-s oob-ws-https "
    "appserv-https amt-soap-https tungsten-https wbem-https pcsync-https sun-sr-https oracleas-https compaq-https"
)

_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + struct.pack(">BHBBI", 0, 0, 4, 0, 0)
"""RFC 9113 3.4: the preface and an empty SETTINGS frame."""


WEB: tuple[Protocol, ...] = (
    Protocol(
        "http",
        ProtocolKind.WEB,
        "RFC 9112 3 and 4",
        iana_names=_WEB,
        tls_names=_WEB_TLS,
        plain_text=True,
        hello=Hello(b"", (http,)),
        recognise=(http,),
    ),
    Protocol(
        "tls",
        ProtocolKind.WEB,
        "RFC 8446 5.1, 6",
        tls_names="syslog-tls netconf-tls",
        hello=Hello(b""),
        recognise=(tls,),
    ),
    Protocol(
        "http2",
        ProtocolKind.WEB,
        "RFC 9113 3.4, 4.1",
        iana_names=_WEB,
        tls_names=_WEB_TLS,
        plain_text=True,
        hello=Hello(_HTTP2_PREFACE, (http2,)),
        recognise=(http2,),
    ),
)
"""HTTP and TLS."""

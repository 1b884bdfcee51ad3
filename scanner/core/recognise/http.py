"""HTTP and what is behind it: the status line, the telling headers, and a table of products.

RFC 9112 4 (status line), RFC 9113 4.1 (frame header) and 3.4 (an HTTP/2 server begins with SETTINGS).
RTSP (RFC 7826) and SIP (RFC 3261) answer in the same form.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from scanner.core.recognise.identity import AUTHENTICATION_REQUIRED, NO_AUTHENTICATION, ProtocolMatch
from scanner.core.recognise.recogniser import text
from scanner.core.recognise.web_products import OPEN_BY_STATUS, PRODUCTS, Product

AGENT = "scanner-iana (authorised port audit)"
"""How we introduce ourselves wherever a protocol has a place for it."""


def http_request(host: str, path: str = "/") -> bytes:
    """`GET` in HTTP/1.1 (RFC 9112 3). `host` is the address or name, for the Host field."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii", "replace")


_STATUS = re.compile(rb"(HTTP|RTSP|SIP)/(\d(?:\.\d)?) (\d{3})[^\r\n]{0,200}\r?\n?")
_HEADER = re.compile(rb"([A-Za-z0-9-]{1,60}):[ \t]*([^\r\n]{0,300})\r?\n")
_TITLE = re.compile(rb"<title[^>]{0,100}>([^<]{1,300})<", re.IGNORECASE)
_SERVER = re.compile(r"([^/(;]{1,80})(?:/([\w.+-]{1,40}))?")


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP-like answer, taken apart as far as it came."""

    status: int
    """The three-digit status."""
    headers: Mapping[str, str]
    """Header names in lower case, the first value of each."""
    body: bytes
    """As much of the body as was read."""


def http(data: bytes) -> ProtocolMatch | None:
    """HTTP/1.x, RTSP and SIP, by the status line; product, version and title as far as they were read."""
    found = _STATUS.match(data)
    if found is None:
        return None
    answer = parse(data, found)
    protocol = text(found[1]).lower()
    if protocol == "http" and _wants_tls(answer):
        return ProtocolMatch("tls", certain=False)
    product, version = _product(answer) if protocol == "http" else (None, "")
    if product is not None and product.protocol != "http":
        return ProtocolMatch(product.protocol, product.name, version)
    name = product.name if product else ""
    if not name:
        name, version = _server(answer)
    return ProtocolMatch(protocol, name, version, _detail(answer, name))


def http2(data: bytes) -> ProtocolMatch | None:
    """A server that begins with an HTTP/2 SETTINGS frame: type 4, stream 0, length a multiple of six."""
    if len(data) < 9 or data[3] != 4 or data[4] != 0 or data[5:9] != b"\0\0\0\0":
        return None
    length = int.from_bytes(data[:3], "big")
    return ProtocolMatch("http2") if length % 6 == 0 and length <= 240 else None


def parse(data: bytes, status: re.Match[bytes]) -> HttpAnswer:
    """An answer whose status line was already found."""
    headers: dict[str, str] = {}
    at = status.end()
    while (found := _HEADER.match(data, at)) is not None and len(headers) < 60:
        headers.setdefault(text(found[1]).lower(), text(found[2]))
        at = found.end()
    return HttpAnswer(int(status[3]), headers, data[at:].lstrip(b"\r\n"))


def _product(answer: HttpAnswer) -> tuple[Product | None, str]:
    for product in PRODUCTS:
        version = _tell(product, answer)
        if version is not None:
            return product, version
    return None, ""


def _tell(product: Product, answer: HttpAnswer) -> str | None:
    """The version where the answer is this product's (empty where it does not say), else None."""
    if product.body:
        found = re.search(product.body, answer.body[:4096], re.DOTALL)
        return None if found is None else text(found[1])
    if product.header not in answer.headers:
        return None
    if not product.value:
        return ""
    match = re.match(product.value, answer.headers[product.header])
    return None if match is None else match[1]


def _server(answer: HttpAnswer) -> tuple[str, str]:
    words = answer.headers.get("server") or answer.headers.get("user-agent") or ""
    found = _SERVER.match(words)
    return (found[1].strip(), found[2] or "") if found else (words, "")


def _wants_tls(answer: HttpAnswer) -> bool:
    """The 400 (nginx, Apache, Go) or 426 of a TLS port that was asked in the clear."""
    return answer.status in (400, 426) and bool(
        re.search(rb"HTTPS port|HTTP request to an HTTPS server|speaking plain HTTP", answer.body[:4096])
    )


def _detail(answer: HttpAnswer, product: str) -> str:
    if answer.status == 401 or (answer.status == 403 and product in OPEN_BY_STATUS):
        return AUTHENTICATION_REQUIRED
    if answer.status in OPEN_BY_STATUS.get(product, ()):
        return NO_AUTHENTICATION
    title = _TITLE.search(answer.body[:4096])
    return f"title: {text(title[1])}"[:120] if title else f"status {answer.status}"

"""Fetches one file over HTTPS with the standard library, and does not trust the other end.

Three caps: the size, the time without a byte, and the time in all. The last one is the one that urllib lacks
(its timeout is per read, so a server that drips a byte at a time holds it for ever, and name resolution has
none), so the work is done in a thread that is given up when its time is over. Plain http is only for this
machine (a mirror behind a tunnel, tests); a redirect is held to the same rule, and no other scheme is known.
"""

import queue
import threading
import time
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse
from ipaddress import ip_address
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from scanner.core.errors import InvalidInput, RegistryUnusable
from scanner.core.sanitise import sanitise

READ_SIZE = 1 << 16
THREAD_NAME = "registry-fetch"


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Limits on a download."""

    size: int = 16 << 20
    """Bytes; IANA's file has 1.2 million."""
    silence: float = 20.0
    """Seconds without a byte."""
    total: float = 120.0
    """Seconds in all, name resolution and redirects included."""


@dataclass(frozen=True, slots=True)
class FetchAnswer:
    """The answer of a server."""

    data: bytes | None
    """The bytes; None if they are still those of the tag that was sent."""
    etag: str
    """Its tag for them; empty if it gave none."""


def is_url(text: str) -> bool:
    """Return whether a source is an address rather than a file's path."""
    return "://" in text


def fetch(url: str, *, etag: str = "", limits: FetchLimits = FetchLimits()) -> FetchAnswer:
    """Get what is at `url`, unless it is still what `etag` stands for.

    Raises InvalidInput for an address that is not to be used, RegistryUnusable for whatever goes wrong.
    """
    check_url(url)
    answers: queue.SimpleQueue[FetchAnswer | RegistryUnusable | InvalidInput] = queue.SimpleQueue()
    threading.Thread(target=_work, args=(url, etag, limits, answers), name=THREAD_NAME, daemon=True).start()
    try:
        answer = answers.get(timeout=limits.total)
    except queue.Empty:
        raise RegistryUnusable(_too_slow(url, limits)) from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def check_url(url: str) -> None:
    """Raise InvalidInput unless `url` is https, or http to this machine."""
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme, parts.hostname or ""
    except ValueError as error:
        raise InvalidInput(str(error), where=url) from None
    if not ((scheme == "https" and host) or (scheme == "http" and _is_loopback(host))):
        raise InvalidInput("only https:// addresses are fetched, and http:// ones of this machine", where=url)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _work(
    url: str,
    etag: str,
    limits: FetchLimits,
    answers: "queue.SimpleQueue[FetchAnswer | RegistryUnusable | InvalidInput]",
) -> None:
    try:
        answers.put(_get(url, etag, limits))
    except (RegistryUnusable, InvalidInput) as error:
        answers.put(error)
    except HTTPError as error:
        unchanged = etag and error.code == 304
        answers.put(FetchAnswer(None, etag) if unchanged else RegistryUnusable(f"{url}: HTTP status {error.code}"))
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        answers.put(RegistryUnusable(f"{url}: {sanitise(str(reason).strip() or type(error).__name__)}"))


def _get(url: str, etag: str, limits: FetchLimits) -> FetchAnswer:
    deadline = time.monotonic() + limits.total
    request = urllib.request.Request(url, headers={"User-Agent": "scanner-iana"})
    if etag:
        request.add_header("If-None-Match", etag)
    with _opener().open(request, timeout=limits.silence) as response:
        return FetchAnswer(_body(response, url, limits, deadline), response.headers.get("ETag", ""))


def _body(response: HTTPResponse, url: str, limits: FetchLimits, deadline: float) -> bytes:
    data = bytearray()
    while chunk := response.read1(READ_SIZE):
        data += chunk
        if len(data) > limits.size:
            raise RegistryUnusable(f"{url}: more than {limits.size} bytes; expected IANA's CSV")
        if time.monotonic() > deadline:
            raise RegistryUnusable(_too_slow(url, limits))
    if response.length:
        raise RegistryUnusable(f"{url}: {response.length} bytes are missing at the end; try again")
    return bytes(data)


def _too_slow(url: str, limits: FetchLimits) -> str:
    return f"{url}: not here after {limits.total:g} s; try again, or fetch it yourself and use --from FILE"


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where we would have gone ourselves."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        check_url(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """https, through the environment's proxy if it names one, and http; no files, no ftp, no passwords."""
    opener = urllib.request.OpenerDirector()
    proxies = urllib.request.getproxies()
    for handler in (
        urllib.request.ProxyHandler({"https": proxies["https"]} if "https" in proxies else {}),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        _CheckedRedirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener

"""Our own JSON lines: a `sweep`, its `finding`s, a `summary`. With the summary it is known what was covered.

Identities come back as they were, so that the rules about services give the same findings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from scanner.core.model import Coverage, Endpoint
from scanner.core.recognise.identity import Certificate, Conduct, Identity, Tls
from scanner.imports.fields import iso_moment_of
from scanner.imports.interface import Heading, ImportEvent, Source
from scanner.imports.json_values import objects_of
from scanner.imports.own_csv import row_observation

_STATES = ("open", "closed", "filtered", "open_filtered", "unknown")
_COUNTS = ("planned", "sent", "answered", "unreachable_hosts", *_STATES)


def recognise(head: str) -> bool:
    """Return whether a file begins as our JSON lines."""
    first = head.lstrip().partition("\n")[0]
    return first.startswith("{") and '"sweep_id"' in first and '"schema_version"' in first


def read(source: Source) -> Iterator[ImportEvent]:
    """Yield what the file says. Raises InvalidInput where the summary is missing: such a stream was cut off."""
    last: Endpoint | None = None
    line, ended = 1, False
    for line, found in objects_of(source):
        if ended:
            raise source.refuse(line, "something follows the summary: two files in one?")
        try:
            kind = found.get("type")
            if kind == "sweep":
                yield _sweep(source, line, found)
            elif kind == "summary":
                ended = True
                yield _summary(found)
            elif kind == "finding":
                seen = row_observation(source, line, found)
                if seen.endpoint != last:
                    last = seen.endpoint
                    yield replace(seen, identity=_identity(source, line, found.get("identity")))
            else:
                raise source.refuse(line, "is not a line of a scan: its type is unknown")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise source.refuse(line, f"lacks something or holds another kind of value: {error}") from None
    if not ended:
        raise source.refuse(line, "there is no summary: the file is truncated")


def _sweep(source: Source, line: int, found: Mapping[str, Any]) -> Heading:
    whole = found["shard"] == "1/1" and not found["hostnames"]
    return Heading(
        f"scanner {found['version']}",
        str(found["sweep_id"]),
        iso_moment_of(source, line, found["started"]),
        targets=str(found["targets"]) if whole else "",
        port_words=str(found["ports"]) if whole else "",
    )


def _summary(found: Mapping[str, Any]) -> Heading:
    coverage = Coverage(**{name: int(found["coverage"][name]) for name in _COUNTS})
    broken = [*found["degraded"], *(["the sweep was interrupted"] if found["interrupted"] else [])]
    reasons = {str(reason)[:60]: int(count) for reason, count in found["reasons"].items()}
    return Heading(coverage=None if broken else coverage, reasons=reasons, degraded=tuple(map(str, broken)))


def _identity(source: Source, line: int, found: Mapping[str, Any] | None) -> Identity | None:
    if not found:
        return None
    return Identity(
        Conduct(found["conduct"]),
        found["protocol"],
        found["product"],
        found["version"],
        found["detail"],
        _tls(source, line, found["tls"]),
        found["excerpt"],
        tuple(found["asked"]),
    )


def _tls(source: Source, line: int, found: Mapping[str, Any] | None) -> Tls | None:
    if not found:
        return None
    paper = found["certificate"]
    certificate = paper and Certificate(
        subject=paper["subject"],
        names=tuple(paper["names"]),
        issuer=paper["issuer"],
        not_before=iso_moment_of(source, line, paper["not_before"]),
        not_after=iso_moment_of(source, line, paper["not_after"]),
        self_signed=paper["self_signed"],
        sha256=paper["sha256"],
    )
    return Tls(found["version"], found["cipher"], found["alpn"], certificate or None, found["problem"])

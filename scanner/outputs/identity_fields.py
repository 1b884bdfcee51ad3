"""The identity of a service as JSON. Every text in it came from a peer, and is sanitised here."""

from collections.abc import Mapping
from typing import Any

from scanner.core.recognise.identity import Certificate, Identity, Tls
from scanner.core.sanitise import sanitise
from scanner.outputs.record import iso


def identity_fields(identity: Identity | None) -> Mapping[str, Any] | None:
    """Return an identity as a JSON object; None where the endpoint was not asked."""
    if identity is None:
        return None
    return {
        "conduct": identity.conduct.value,
        "name": sanitise(identity.name),
        "protocol": sanitise(identity.protocol),
        "product": sanitise(identity.product),
        "version": sanitise(identity.version),
        "detail": sanitise(identity.detail),
        "encrypted": identity.encrypted,
        "tls": _tls_fields(identity.tls) if identity.tls else None,
        "excerpt": sanitise(identity.excerpt),
        "asked": list(identity.asked),
    }


def _tls_fields(tls: Tls) -> Mapping[str, Any]:
    return {
        "version": sanitise(tls.version),
        "cipher": sanitise(tls.cipher),
        "alpn": sanitise(tls.alpn),
        "problem": sanitise(tls.problem),
        "certificate": _certificate_fields(tls.certificate) if tls.certificate else None,
    }


def _certificate_fields(certificate: Certificate) -> Mapping[str, Any]:
    return {
        "subject": sanitise(certificate.subject),
        "names": list(map(sanitise, certificate.names)),
        "issuer": sanitise(certificate.issuer),
        "not_before": iso(certificate.not_before),
        "not_after": iso(certificate.not_after),
        "self_signed": certificate.self_signed,
        "sha256": certificate.sha256,
    }

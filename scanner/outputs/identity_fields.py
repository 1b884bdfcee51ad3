"""What speaks at an endpoint, ready for JSON. Every text came from a peer, and leaves inert."""

from collections.abc import Mapping
from typing import Any

from scanner.core.recognise.identity import Certificate, Identity, Tls
from scanner.core.sanitise import inert
from scanner.outputs.record import iso


def identity_fields(identity: Identity | None) -> Mapping[str, Any] | None:
    """An identity as a JSON object; null where nobody asked."""
    if identity is None:
        return None
    return {
        "conduct": identity.conduct.value,
        "name": inert(identity.name),
        "protocol": inert(identity.protocol),
        "product": inert(identity.product),
        "version": inert(identity.version),
        "detail": inert(identity.detail),
        "encrypted": identity.encrypted,
        "tls": _tls_fields(identity.tls) if identity.tls else None,
        "excerpt": inert(identity.excerpt),
        "asked": list(identity.asked),
    }


def _tls_fields(tls: Tls) -> Mapping[str, Any]:
    return {
        "version": inert(tls.version),
        "cipher": inert(tls.cipher),
        "alpn": inert(tls.alpn),
        "problem": inert(tls.problem),
        "certificate": _certificate_fields(tls.certificate) if tls.certificate else None,
    }


def _certificate_fields(certificate: Certificate) -> Mapping[str, Any]:
    return {
        "subject": inert(certificate.subject),
        "names": list(map(inert, certificate.names)),
        "issuer": inert(certificate.issuer),
        "not_before": iso(certificate.not_before),
        "not_after": iso(certificate.not_after),
        "self_signed": certificate.self_signed,
        "sha256": certificate.sha256,
    }

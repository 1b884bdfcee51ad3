"""The facts of an X.509 certificate (RFC 5280) that an auditor asks for, from its DER form.

Certificates come from strangers: whatever cannot be read gives None, and what can be is bounded. Nothing
here says that a certificate is trusted.
"""

from hashlib import sha256
from typing import TYPE_CHECKING

from scanner.core.recognise.identity import Certificate, cut

if TYPE_CHECKING:
    from cryptography import x509

_MOST_NAMES = 12


def certificate_facts(der: bytes) -> Certificate | None:
    """Return the facts of a certificate, or None if it cannot be read. `der` is one certificate, at most 64 KiB."""
    from cryptography import x509

    if len(der) > 65536:
        return None
    try:
        cert = x509.load_der_x509_certificate(der)
        return Certificate(
            subject=_name(cert.subject),
            names=_names(cert),
            issuer=_name(cert.issuer),
            not_before=cert.not_valid_before_utc,
            not_after=cert.not_valid_after_utc,
            self_signed=cert.issuer == cert.subject,
            sha256=sha256(der).hexdigest(),
        )
    except (ValueError, TypeError, KeyError, OverflowError, x509.InvalidVersion, x509.UnsupportedGeneralNameType):
        return None


def _name(name: "x509.Name") -> str:
    from cryptography.x509.oid import NameOID

    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    if not common:
        return cut(name.rfc4514_string())
    value = common[0].value
    return cut(value if isinstance(value, str) else value.decode("utf-8", "replace"))


def _names(cert: "x509.Certificate") -> tuple[str, ...]:
    from cryptography import x509

    try:
        alternative = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension):
        return ()
    names = [*alternative.get_values_for_type(x509.DNSName)]
    names += [str(address) for address in alternative.get_values_for_type(x509.IPAddress)]
    return tuple(cut(name) for name in names[:_MOST_NAMES])

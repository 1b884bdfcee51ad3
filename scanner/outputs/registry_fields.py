"""Which registry spoke, ready for JSON: the same words on a port's page, in a sweep and in what `registry` says."""

from collections.abc import Mapping
from typing import Any

from scanner.core.model import RegistryIdentity
from scanner.core.sanitise import sanitise


def registry_fields(identity: RegistryIdentity) -> Mapping[str, Any]:
    """The identity of a registry as a JSON object, every text in it sanitised."""
    return {
        "source": sanitise(identity.source),
        "date": sanitise(identity.date),
        "sha256": sanitise(identity.sha256),
        "rows": identity.rows,
    }

"""Host names in a policy, resolved. One that has no address is said, and matches by name alone."""

from collections.abc import Collection, Mapping, Sequence

from scanner.config.policy import Resolve
from scanner.core.errors import InvalidInput, Warn
from scanner.core.model import Address
from scanner.core.targets.targets import HostName, Word


def addresses_of(warn: Warn) -> Resolve:
    """A function from names to their addresses; `warn` hears of those that have none."""

    def resolved(names: Collection[str]) -> Mapping[str, Sequence[Address]]:
        from scanner.engines.resolve import resolve

        found: dict[str, Sequence[Address]] = {}
        for name in names:
            host = HostName(Word(name, "policy"))
            try:
                found[name] = resolve([host])[host]
            except InvalidInput as error:
                warn(str(error))
        return found

    return resolved

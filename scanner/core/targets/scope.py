"""Where this program may send a probe. Asked before the first one, about ranges, so that a /8 costs nothing.

Three kinds of addresses:

* FREE without a file: loopback, private networks (RFC 1918, RFC 4193)
  and link-local ones (RFC 3927, RFC 4291). They cannot reach a stranger over the internet.
* NEVER: what is not one host's address. Multicast, broadcast, "this network" (0.0.0.0 reaches oneself on some
  systems and nothing on others), and IPv4 addresses dressed as IPv6: mapped, compatible and translated ones and
  NAT64, which would carry a probe past a check and past an exclusion made in the other family. No file permits them.
* Everything else needs a scope file that covers it. That is meant for 100.64.0.0/10 too (RFC 6598): a
  carrier's shared space holds other customers' devices; and for documentation, benchmark and reserved ranges.

A scope file also narrows what is free, as soon as it speaks of it: one that names 10.1.0.0/16 confines the
private networks to that, one that names only public networks leaves the private ones free. The same holds for
loopback by itself. A file that is expired, or not valid yet, permits nothing at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from scanner.core.errors import OutOfScope
from scanner.core.model import Address
from scanner.core.targets.ranges import Span, Spans, contains, first_outside, intersect, merge, network_span


def _networks(*texts: str) -> Spans:
    return merge(network_span(text) for text in texts)


LOOPBACK: Spans = _networks("127.0.0.0/8", "::1")
PRIVATE: Spans = _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
FREE: Spans = merge([*LOOPBACK, *PRIVATE])
CARRIES_IPV4: Spans = merge(
    [
        Span(6, 2, 0xFFFF_FFFF),  # IPv4-compatible, RFC 4291 section 2.5.5.1; without :: and ::1
        network_span("::ffff:0:0/96"),  # IPv4-mapped, RFC 4291 section 2.5.5.2
        network_span("::ffff:0:0:0/96"),  # IPv4-translated, RFC 2765 section 2.1
        network_span("64:ff9b::/96"),  # NAT64, RFC 6052 section 2.1
        network_span("64:ff9b:1::/48"),  # NAT64 of a site's own, RFC 8215
    ]
)
NEVER: Spans = merge([*_networks("0.0.0.0/8", "224.0.0.0/4", "255.255.255.255", "::", "ff00::/8"), *CARRIES_IPV4])

_MOST_NAMES = 3
"""Maximum number of host names in one message."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The permission that a scope file gives."""

    name: str
    """The file's own name for itself, or its file name."""
    spans: Spans
    """The networks it covers."""
    owner: str
    """The owner of the networks."""
    authorisation: str
    """The reference under which the owner gave permission."""
    valid_from: datetime | None = None
    """When the permission begins; aware. None: it has begun."""
    valid_until: datetime | None = None
    """The first moment at which it no longer holds; aware. None: it does not end."""
    max_rate: float | None = None
    """The most probes a second that the owner allows; None leaves it to the user."""
    sha256: str = ""
    """Hex digest of the file."""

    @property
    def identity(self) -> str:
        """Return name and digest, as the history and the JSON keep them."""
        return f"{self.name} sha256:{self.sha256}"

    @property
    def cover(self) -> Spans:
        """Return everything that may be probed under this scope."""
        free = [kind for kind in (LOOPBACK, PRIVATE) if not intersect(self.spans, kind)]
        return merge([*self.spans, *(span for kind in free for span in kind)])

    def refused(self, targets: Spans) -> Span | None:
        """Return the first run of addresses that this scope does not permit, or None."""
        return first_refused(targets, self.cover)

    def invalid_at(self, now: datetime) -> str:
        """Return why the scope is not valid at a moment (aware); empty if it is."""
        if self.valid_from is not None and now < self.valid_from:
            return f"is not valid before {self.valid_from.isoformat()}"
        if self.valid_until is not None and now >= self.valid_until:
            return f"expired at {self.valid_until.isoformat()}"
        return ""


def check_scope(
    targets: Spans, scope: Scope | None, now: datetime, names: Mapping[Address, str] = MappingProxyType({})
) -> None:
    """Stop a run that would leave its permission.

    `targets` is everything that would be probed, after exclusions; `names` says which name led to an address.

    Raises:
        OutOfScope: something in `targets` may not be probed, or the scope does not hold at `now` (aware).
    """
    if scope and (reason := scope.invalid_at(now)):
        raise OutOfScope(f"scope {scope.name} {reason}; ask {scope.owner} to renew {scope.authorisation!r}")
    refused = first_refused(targets, scope.cover if scope else FREE)
    if refused is None:
        return
    what = f"{refused}{_led_by(refused, names)}"
    if intersect(merge([refused]), CARRIES_IPV4):
        raise OutOfScope(f"{what} carries an IPv4 address in IPv6 and is never probed; name the IPv4 address")
    if intersect(merge([refused]), NEVER):
        raise OutOfScope(f"{what} is not the address of a host and is never probed; exclude it")
    if scope is None:
        raise OutOfScope(f"{what} needs a permission: name a file that covers it with --scope FILE")
    raise OutOfScope(f"{what} is outside scope {scope.name}; exclude it, or have {scope.owner} extend it")


def _led_by(refused: Span, names: Mapping[Address, str]) -> str:
    """Return which names stand for addresses in a run, in parentheses; empty where none does."""
    inside = merge([refused])
    led = [(address, name) for address, name in names.items() if contains(inside, address)]
    if not led:
        return ""
    shown = [name if refused.size == 1 else f"{name} is {address}" for address, name in led[:_MOST_NAMES]]
    more = f" and {len(led) - _MOST_NAMES} more" if len(led) > _MOST_NAMES else ""
    return f" ({', '.join(shown)}{more})"


def first_refused(targets: Spans, cover: Spans) -> Span | None:
    """Return the first run of addresses that is never probed, or else that `cover` lacks, or None."""
    return next(iter(intersect(targets, NEVER)), None) or first_outside(targets, cover)

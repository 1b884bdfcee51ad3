"""Networks written as an address and a mask, as firewalls and routers write them.

`10.0.0.0 255.255.255.240` (a netmask) and `10.0.0.0 0.0.0.15` (a wildcard mask) are two words for one network. Read
as two addresses they would exclude a single host where sixteen were meant, so a line of a list is looked at as a
whole: pairs that are certain are joined, and what could be meant in two ways is refused.
"""

import re
from collections.abc import Sequence
from ipaddress import AddressValueError, IPv4Address

_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_ALL = 0xFFFFFFFF
_SURE_PREFIX = 8
"""Shorter netmasks (192.0.0.0) are addresses as well."""
_LEAST_NETWORK = 4
"""Two addresses on a line that are the ends of an aligned block of at least this size are probably meant as one."""


def mask_prefix(text: str) -> int | None:
    """Return the prefix length that a netmask or a wildcard mask stands for, or None for any other text.

    `0.0.0.0` and `255.255.255.255` are a netmask and a wildcard at once and mean opposite things: they give None.
    """
    value = _ipv4(text)
    if value is None or value in (0, _ALL):
        return None
    wildcard = value if value < 1 << 31 else value ^ _ALL
    return None if wildcard & (wildcard + 1) else 32 - wildcard.bit_length()


def joined_masks(words: Sequence[str]) -> list[str]:
    """Return the words of one line, with each address and its mask as one CIDR word.

    Raises:
        ValueError: a word looks like a mask and cannot be one for the word before it, or two addresses are the
            ends of one network, so that it is unclear what is meant.
    """
    joined: list[str] = []
    for place, word in enumerate(words):
        if place and _looks_like_mask(word):
            joined[-1] = _network(joined[-1], word)
        else:
            joined.append(word)
    if len(joined) == len(words) == 2:
        _check_ends(*words)
    return joined


def _network(address: str, mask: str) -> str:
    number, prefix = _ipv4(address), mask_prefix(mask)
    if number is None:
        raise ValueError(f"{mask!r} looks like a mask, and {address!r} before it is not an address")
    if prefix is None:
        raise ValueError(f"'{address} {mask}': the mask is ambiguous or has gaps; write ADDRESS/LENGTH")
    if prefix < _SURE_PREFIX and number & (_ALL >> prefix):
        raise ValueError(f"'{address} {mask}' may be a network or two addresses; write ADDRESS/LENGTH, or two lines")
    return f"{address}/{prefix}"


def _looks_like_mask(text: str) -> bool:
    """Whether an address lies where hosts do not, in 0.0.0.0/8 or 255.0.0.0/8, or has the bits of a short netmask."""
    value = _ipv4(text)
    return value is not None and (value >> 24 in (0, 255) or (value >= 1 << 31 and mask_prefix(text) is not None))


def _check_ends(first: str, last: str) -> None:
    low, high = _ipv4(first), _ipv4(last)
    if low is None or high is None:
        return
    size = high - low + 1
    if size >= _LEAST_NETWORK and not size & (size - 1) and not low % size:
        raise ValueError(f"'{first} {last}' are the ends of one network; write {first}-{last}, or a line for each")


def _ipv4(text: str) -> int | None:
    if not _IPV4.fullmatch(text):
        return None
    try:
        return int(IPv4Address(text))
    except AddressValueError:
        return None

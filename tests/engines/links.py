"""Links by hand, for tests that need no interface."""

from scanner.engines.routing.netlink import Link, Medium

MAC, THEIRS = bytes.fromhex("02aa00000001"), bytes.fromhex("02bb00000002")
"""Our link-layer address, and a neighbour's."""
ETHER = Link(3, "v0", Medium.ETHERNET, MAC, 1500, up=True, resolves=True)
TUN = Link(4, "tun0", Medium.BARE, b"", 1500, up=True, resolves=False)

"""The sequence number as a proof that an answer answers us.

A scanner that keeps no state for each probe must decide from an answer alone whether it asked. A TCP peer
returns our sequence number (plus one, in the acknowledgement; verbatim, in the SYN that an ICMP error quotes),
so the sequence number carries a keyed hash of the endpoint. This is Bernstein's SYN cookie (RFC 4987 3.6)
turned round, and what zmap calls validation. Who does not see our probes must guess 32 bits for each
endpoint and try; the source port, hashed along, distinguishes the tries.

The hash is AES (FIPS 197) as a pseudo-random function on one 16-byte block for each endpoint: hardware
runs it over a whole batch in one call. An IPv4 endpoint fits a block:

    0-3 address | 4-5 port | 6-7 source port | 8-15 zero

An IPv6 endpoint is 20 bytes, so it takes two passes, chained as in CBC-MAC: E(E(address) xor block), with the
block as above and a zero address. CBC-MAC is sound for messages of one fixed length (Bellare, Kilian, Rogaway:
The Security of the Cipher Block Chaining Message Authentication Code); each family has a key of its own, so there is
but one length under each key. The cookie is the first four bytes.
"""

from typing import Protocol

import numpy as np

from scanner.core.columns import U16, U32, U64

KEY_BYTES = 32
"""Length of a key: sixteen bytes for each family."""


class _Encryptor(Protocol):
    def update_into(self, data: memoryview, buf: memoryview) -> int: ...


class Cookie:
    """The keyed hash of endpoints. Not for use by several threads at once: it keeps its work space."""

    def __init__(self, key: bytes) -> None:
        """`key` is `KEY_BYTES` random bytes; they are neither kept nor shown.

        Raises:
            ValueError: the key has another length.
        """
        if len(key) != KEY_BYTES:
            raise ValueError(f"a cookie key has {KEY_BYTES} bytes, not {len(key)}")
        self._ciphers = {4: _aes(key[:16]), 6: _aes(key[16:])}
        self._blocks = dict.fromkeys(self._ciphers, np.zeros((0, 4), ">u4"))
        self._hashed = np.zeros((0, 4), np.uint32)

    def of(self, version: int, *, high: U64, low: U64, port: U16, source_port: U16) -> U32:
        """The sequence number of a probe to each endpoint.

        Args:
            version: IP version of all of them, 4 or 6.
            high: upper 64 bits of each address; not read for IPv4.
            low: lower 64 bits of each address; the address itself for IPv4.
            port: the ports probed.
            source_port: the ports probed from.
        """
        return self.words(version, high=high, low=low, port=port, source_port=source_port)[:, 0].copy()

    def words(self, version: int, *, high: U64, low: U64, port: U16, source_port: U16) -> U32:
        """The whole hash of each endpoint, uint32 (n, 4), for whoever has more room for proof than a sequence number.

        The arguments are those of `of`. The result is overwritten by the next call.
        """
        size = len(port)
        blocks = self._room(version, size)
        ports = (port.astype(np.uint32) << 16) | source_port
        if version == 4:
            blocks[:, 0] = low
            blocks[:, 1] = ports  # the rest of an IPv4 block was never anything but zero
        else:
            halves = blocks.view(">u8")
            halves[:, 0] = high
            halves[:, 1] = low
            self._encrypt(version, blocks)
            blocks.view(np.uint32)[...] = self._hashed[:size]
            blocks[:, 1] ^= ports
        self._encrypt(version, blocks)
        return self._hashed[:size]

    def _room(self, version: int, size: int) -> U32:
        """Work space for `size` blocks; grown, never shrunk."""
        if len(self._blocks[version]) < size:
            self._blocks[version] = np.zeros((size, 4), ">u4")
        if len(self._hashed) <= size:
            self._hashed = np.zeros((size + 1, 4), np.uint32)  # update_into wants a block to spare
        return self._blocks[version][:size]

    def _encrypt(self, version: int, blocks: U32) -> None:
        if len(blocks):
            source, hashed = blocks.view(np.uint8), self._hashed.view(np.uint8)
            self._ciphers[version].update_into(source.reshape(-1).data, hashed.reshape(-1).data)


def _aes(key: bytes) -> _Encryptor:
    """AES as a bare permutation of blocks: the mode is ECB because each block is a message of its own."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.ECB()).encryptor()

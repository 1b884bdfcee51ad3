"""The sequence number proves that whoever returns it has seen the probe."""

import sys

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from scanner.core.packets.cookie import Cookie
from tests.core.packets.frames import KEY, ports, words

ADDRESS = {4: "10.77.0.2", 6: "fd77::2"}


def cookie(version: int, address: str = "", port: int = 80, source_port: int = 61000, key: bytes = KEY) -> int:
    high, low = words([address or ADDRESS[version]])
    found = Cookie(key).of(version, high=high, low=low, port=ports(port), source_port=ports(source_port))
    return int(found[0])


def aes(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def test_ipv4_is_one_pass_of_aes() -> None:
    block = bytes([10, 77, 0, 2]) + (80).to_bytes(2, "big") + (61000).to_bytes(2, "big") + bytes(8)
    assert cookie(4).to_bytes(4, sys.byteorder) == aes(KEY[:16], block)[:4]


def test_ipv6_is_two_passes_chained() -> None:
    first = aes(KEY[16:], bytes.fromhex("fd770000000000000000000000000002"))
    second = bytes(4) + (80).to_bytes(2, "big") + (61000).to_bytes(2, "big") + bytes(8)
    mixed = bytes(a ^ b for a, b in zip(first, second, strict=True))
    assert cookie(6).to_bytes(4, sys.byteorder) == aes(KEY[16:], mixed)[:4]


@pytest.mark.parametrize("version", [4, 6])
def test_everything_that_names_a_probe_changes_it(version: int) -> None:
    neighbour = {4: "10.77.0.3", 6: "fd77:0:0:1::2"}[version]
    variants = [
        cookie(version),
        cookie(version, neighbour),
        cookie(version, port=81),
        cookie(version, source_port=61001),
        cookie(version, port=61000, source_port=80),
        cookie(version, key=KEY[::-1]),
    ]
    assert len(set(variants)) == len(variants)


@pytest.mark.parametrize("version", [4, 6])
def test_a_batch_is_the_same_as_one_at_a_time(version: int) -> None:
    jar = Cookie(KEY)
    high, low = words([ADDRESS[version]] * 500)
    port, source_port = np.arange(500, dtype=np.uint16), np.full(500, 61000, np.uint16)
    batch = jar.of(version, high=high, low=low, port=port, source_port=source_port)
    fewer = jar.of(version, high=high[7:9], low=low[7:9], port=port[7:9], source_port=source_port[7:9])
    assert fewer.tolist() == batch[7:9].tolist()
    assert batch[123] == cookie(version, port=123)


def test_the_families_do_not_leave_traces_in_each_other() -> None:
    jar = Cookie(KEY)
    for version in (6, 4, 6, 4):
        high, low = words([ADDRESS[version]])
        found = jar.of(version, high=high, low=low, port=ports(80), source_port=ports(61000))
        assert found[0] == cookie(version)


def test_no_endpoints_no_cookies() -> None:
    nothing = np.zeros(0, np.uint64)
    assert len(Cookie(KEY).of(4, high=nothing, low=nothing, port=ports(), source_port=ports())) == 0


def test_bits_are_spread_evenly() -> None:
    low = np.arange(20_000, dtype=np.uint64)
    port = np.full(len(low), 80, np.uint16)
    found = Cookie(KEY).of(4, high=low, low=low, port=port, source_port=port)
    ones = np.unpackbits(found.view(np.uint8)).reshape(-1, 32).mean(axis=0)
    assert (abs(ones - 0.5) < 5 * 0.5 / len(low) ** 0.5).all()


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_keys_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Cookie(bytes(length))

"""Small encoders that several questions share: DNS names and messages, BER, and fixed-width numbers."""

from struct import pack

U16, U32 = ">H", ">I"


def u16(*numbers: int) -> bytes:
    """Return numbers of 16 bits in network order."""
    return b"".join(pack(U16, number) for number in numbers)


def u32(*numbers: int) -> bytes:
    """Return numbers of 32 bits in network order."""
    return b"".join(pack(U32, number) for number in numbers)


def dns_name(*labels: bytes) -> bytes:
    """Return a name as RFC 1035 3.1 writes it."""
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def ber(tag: int, *contents: bytes) -> bytes:
    """Return a BER value with a definite length (X.690 8.1)."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def ber_int(number: int) -> bytes:
    """Return a BER INTEGER, not negative."""
    return ber(2, number.to_bytes(number.bit_length() // 8 + 1))

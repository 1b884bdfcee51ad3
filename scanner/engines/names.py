"""The words by which the command line calls engines and wires. Apart from all else, so that `--help` is quick."""

from enum import StrEnum


class EngineName(StrEnum):
    """The words of `--engine`."""

    AUTO = "auto"
    CONNECT = "connect"
    SYN = "syn"
    SCAPY = "scapy"


class Wire(StrEnum):
    """The ways in which frames leave, as `--wire` names them."""

    AUTO = "auto"
    """AF_XDP where it works, else sendmmsg."""
    SENDMMSG = "sendmmsg"
    AF_XDP = "af_xdp"

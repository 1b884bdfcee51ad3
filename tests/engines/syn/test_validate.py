"""From the bytes of an answer to its reason code, for every answer that the tables know."""

from collections.abc import Iterator
from ipaddress import ip_address

import numpy as np

from scanner.core.packets.build import fill, stamp
from scanner.core.packets.cookie import KEY_BYTES, Cookie
from scanner.core.packets.parse import dissect
from scanner.core.plan.reasons import Reason, icmp_reason, reason_code
from scanner.engines.routing.routes import Route
from scanner.engines.syn.route_output import syn_template
from scanner.engines.syn.validate import validate
from tests.engines.links import TUN


def icmp_answers() -> Iterator[tuple[int, int, int]]:
    """Every type of error and every code that the tables know, and one they do not."""
    for kind, codes in ((3, range(16)), (11, range(2))):
        yield from ((4, kind, code) for code in codes)
    for kind, codes in ((1, range(8)), (3, range(2))):
        yield from ((6, kind, code) for code in codes)


def test_every_icmp_error_means_what_the_table_says() -> None:
    from tests.netlab.tun import icmp_error, tcp_reply

    cookie = Cookie(bytes(range(KEY_BYTES)))
    for version, kind, code in icmp_answers():
        way = Route(TUN, ip_address("10.0.0.1" if version == 4 else "fd00::1"), None)
        template, target = syn_template(way), ip_address("10.0.0.9" if version == 4 else "fd00::9")
        high, low = np.array([int(target) >> 64], np.uint64), np.array([int(target) & 0xFFFFFFFFFFFFFFFF], np.uint64)
        port, ours = np.array([80], np.uint16), np.array([20_000], np.uint16)
        rows = np.zeros((1, 128), np.uint8)
        stamp(template, rows)
        sequence = cookie.of(version, high=high, low=low, port=port, source_port=ours)
        fill(template, rows, high=high, low=low, port=port, source_port=ours, sequence=sequence)
        probe = rows[0, : len(template)].tobytes()
        for answer, reason in (
            (icmp_error(probe, kind, code), icmp_reason(version, kind, code)),
            (tcp_reply(probe, 0x12), Reason.SYN_ACK),
            (tcp_reply(probe, 0x14), Reason.RESET),
        ):
            row = np.zeros((1, 176), np.uint8)
            row[0, : len(answer)] = np.frombuffer(answer, np.uint8)
            read = dissect(row, np.array([len(answer)]))
            valid, accepted, forged = validate(read, cookie, np.array([7.0]))
            assert (len(valid), accepted.tolist(), forged) == (1, [0], 0)
            assert valid.reason[0] == reason_code(reason)
            assert (valid.low[0], valid.port[0], valid.source_port[0], valid.at[0]) == (low[0], 80, 20_000, 7.0)
            _, _, forged = validate(read, Cookie(bytes(KEY_BYTES)), np.array([7.0]))
            assert forged == 1

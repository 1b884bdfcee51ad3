"""Which router sent the ICMP error of an index."""

from ipaddress import ip_address

import numpy as np
import pytest

from scanner.engines.syn.wave_lookups import Evidence


def test_evidence_is_empty_until_there_is_some() -> None:
    evidence = Evidence(10)
    assert not evidence
    assert evidence.get(3) is None
    router = np.array([int(ip_address("10.0.0.254"))] * 2, np.uint64)
    evidence.add(np.array([3, 7], np.int32), np.array([4, 4], np.uint8), np.zeros(2, np.uint64), router)
    assert dict(evidence) == {3: "from 10.0.0.254", 7: "from 10.0.0.254"}
    assert evidence.get(4) is None
    with pytest.raises(KeyError):
        evidence[99]

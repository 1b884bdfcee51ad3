"""The default ports above the system range: the list's form."""

from collections import Counter

from scanner.registry.common_ports import common_ports


def test_the_list_is_what_it_promises_to_be() -> None:
    ports = common_ports()
    numbers = [port.number for port in ports]
    assert len(ports) >= 400
    assert numbers == sorted(set(numbers))
    assert all(1024 <= number <= 65535 for number in numbers)


def test_every_entry_says_why_in_one_short_phrase() -> None:
    for port in common_ports():
        assert 2 < len(port.why) <= 70, port
        assert port.why == port.why.strip()
        assert port.why.isprintable()


def test_kinds_are_few_and_each_has_several_ports() -> None:
    kinds = Counter(port.kind for port in common_ports())
    assert len(kinds) <= 20
    assert min(kinds.values()) >= 10


def test_what_an_auditor_would_miss_is_there() -> None:
    numbers = {port.number for port in common_ports()}
    assert {1433, 2375, 3306, 3389, 5432, 5900, 6379, 8080, 9200, 10250, 11211, 27017, 49152} <= numbers

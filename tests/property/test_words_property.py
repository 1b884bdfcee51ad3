"""A list of networks excludes what it names, however a line spells it, or is refused."""

from ipaddress import IPv4Network
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.core.errors import InvalidInput
from scanner.core.targets.ranges import merge, network_span
from scanner.core.targets.targets import HostName, Word, parse_target
from scanner.files.words import file_words
from tests.property.strategies import file_contents, networks4

SPELLINGS = st.sampled_from(["{0}", "{1} {2}", "{1} {3}", "{1}\t{2}  # why", "{1}/{2}", "{1}/{3}", "{1}-{4}"])


def excluded(path: Path) -> object:
    meant = [parse_target(word, excluded=True) for word in file_words(str(path))]
    return merge(span for spans in meant if not isinstance(spans, HostName) for span in spans)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(networks4, SPELLINGS), max_size=6))
def test_every_spelling_of_a_network_means_that_network(tmp_path: Path, lines: list[tuple[IPv4Network, str]]) -> None:
    path = tmp_path / "exclude.txt"
    path.write_text("".join(f"{spell(network, how)}\n" for network, how in lines))
    assert excluded(path) == merge(network_span(str(network)) for network, _ in lines)


def spell(network: IPv4Network, how: str) -> str:
    first, last = network.network_address, network.broadcast_address
    return how.format(network, first, network.netmask, network.hostmask, last)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(file_contents)
def test_any_file_is_words_or_one_line_with_its_place(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "any.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    words, complaint = read(path)
    assert all(word.text and word.where.startswith(f"{path}:") for word in words)
    assert complaint.startswith(str(path)) or not complaint
    assert complaint.isprintable()


def read(path: Path) -> tuple[list[Word], str]:
    try:
        return list(file_words(str(path))), ""
    except InvalidInput as error:
        return [], str(error)

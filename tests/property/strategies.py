"""What property tests are made of: ports, addresses, sets of targets, rows of a registry, texts of files."""

from ipaddress import IPv4Network

from hypothesis import strategies as st

from scanner.core.model import Transport
from scanner.core.registry.registry import RegistryRow
from scanner.core.targets.ranges import Span
from scanner.core.targets.targets import TargetSet

port_numbers = st.one_of(st.integers(0, 65535), st.sampled_from([0, 1023, 1024, 49151, 49152, 65535]))
"""Port numbers, the ends of the registry's ranges more often than others."""

transports = st.sampled_from(list(Transport))

visible_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
"""Text that can be written to a file as UTF-8."""

networks4 = st.builds(
    lambda number, length: IPv4Network((number >> (32 - length) << (32 - length), length)),
    st.integers(1 << 24, (224 << 24) - 1),
    st.integers(8, 31),
)
"""IPv4 networks with room for hosts, below the multicast range."""


@st.composite
def target_sets(draw: st.DrawFn) -> TargetSet:
    """Sets of a few runs of either IP version, some across a border of 64 bits."""
    starts = draw(st.lists(st.tuples(st.sampled_from([4, 6]), st.integers(0, 2**32 - 300)), min_size=1, max_size=6))
    spans = []
    for version, start in starts:
        base = start if version == 4 else start + (0x20010DB8 << 96) + draw(st.sampled_from([0, 2**64 - 2**31]))
        spans.append(Span(version, base, base + draw(st.integers(0, 200))))
    return TargetSet(spans)


status_words = st.sampled_from(["", "Unassigned", "Reserved", "Removed", "any private file service", "De-registered"])
"""Descriptions of nameless rows."""


@st.composite
def registry_rows(draw: st.DrawFn) -> RegistryRow:
    """Rows with and without a name, a run of ports, a transport or a status in words."""
    first = draw(port_numbers)
    last = draw(st.integers(first, min(65535, first + draw(st.sampled_from([0, 0, 3, 3000])))))
    held = draw(st.sampled_from([(Transport.TCP, Transport.UDP), *((each,) for each in Transport)]))
    name = draw(st.sampled_from(["", "ssh", "SSH", "http", "x11"]))
    status = draw(
        st.sampled_from(["", "Unassigned", "Reserved", "Removed", "any private file service", "De-registered"])
    )
    texts = [draw(visible_text) for _ in range(4)]
    return RegistryRow(name, first, last, held, status, texts[0], "", "", *texts[1:])


registry_tables = st.lists(registry_rows(), max_size=12)
"""The rows of small registries."""

toml_words = st.sampled_from(
    ["[[expect]]", "[[exception]]", "[severity]", "networks", "hosts", "ports", "owner", "=", "[", "]", "'10.0.0.0/8'",
     "22", '"x"', "\n", ",", "{", "}", '"a\\nb"', "2026-01-01", "true", ".", "#", "\u202e", "'a-b.example'", '"""']
)  # fmt: skip

file_contents = st.one_of(st.text(max_size=80), st.lists(toml_words, max_size=40).map(" ".join), st.binary(max_size=60))
"""Whatever a file may hold: text, bytes, and what is nearly TOML."""

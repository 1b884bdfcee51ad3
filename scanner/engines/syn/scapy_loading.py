"""Import scapy without traces in the user's home.

scapy makes `$XDG_CONFIG_HOME` (by default ~/.config) as soon as it is imported, because its interactive shell keeps
files there. This program has no use for them, so while scapy is imported that variable names a path which exists and
cannot hold anything. scapy's cache under `$XDG_CACHE_HOME` stays: it saves about 150 ms at each start.

Import scapy only in functions that call `load_scapy` first.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_VARIABLE = "XDG_CONFIG_HOME"


def load_scapy() -> None:
    """Import the layers that probes need. Costs half a second the first time, nothing afterwards."""
    with _without_config_folder():
        from scapy.layers import inet, inet6, l2  # noqa: F401 - importing a layer registers it with scapy


@contextmanager
def _without_config_folder() -> Iterator[None]:
    """Name a path that exists as the folder for configuration, unless the user's own is there."""
    before = os.environ.get(_VARIABLE)
    folder = os.path.expanduser(before or "~/.config")  # noqa: PTH111 - pathlib's raises where there is no home
    if Path(folder).exists():
        yield
        return
    os.environ[_VARIABLE] = os.devnull
    try:
        yield
    finally:
        if before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before

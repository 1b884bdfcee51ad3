"""Where the overlays come from: the data files that ship with this package."""

from importlib.resources import files

from scanner.core.registry.overlays import Overlays, parse_overlays


def bundled_overlays() -> Overlays:
    """The lists that ship with this version; a few milliseconds."""
    folder = files("scanner") / "data" / "overlays"
    texts = [(folder / f"{name}.csv").read_text("utf-8") for name in ("threat-history", "de-facto")]
    return parse_overlays(*texts)

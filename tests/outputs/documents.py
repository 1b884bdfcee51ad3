"""Writes one document of a format, for the tests of formats."""

from pathlib import Path

from scanner.core.model import Judged
from scanner.core.report import Summary
from scanner.outputs.formats import FormatOptions, OutputRequest, make_outputs
from tests.outputs.samples import RESULTS, SUMMARY, run


def document(
    name: str,
    folder: Path,
    results: tuple[Judged, ...] = RESULTS,
    summary: Summary = SUMMARY,
    *,
    all_open: bool = False,
) -> str:
    """What a sweep is in a format; also where it is a fragment."""
    path = folder / "document"
    path.unlink(missing_ok=True)
    [output] = make_outputs([OutputRequest(name, str(path))], FormatOptions(all_open=all_open))
    run(output, results, summary)
    return (path if path.exists() else path.with_name("document.partial")).read_text("utf-8")

"""A process that may open too few files, hold too little memory or start no thread: one line instead of a traceback.

Such an error can arise anywhere, in any import or library, so it is recognised where everything ends. What follows it
is often another error (an event loop that was never made cannot be closed), so the whole chain is looked at. Nothing
is imported when it is needed: an import needs a file.
"""

import errno
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType, TracebackType

with suppress(ImportError):  # not a POSIX system: it has no such limits
    import resource  # noqa: F401

_FILES = "this process may not open enough files{limit}; raise the limit (ulimit -n 256; LimitNOFILE= in a unit)"
_MEMORY = "this process has not enough memory{limit}; raise the limit (ulimit -v; LimitAS=, MemoryMax= in a unit)"
_THREADS = "this process can start no thread; allow it more memory or processes (ulimit -v, ulimit -u; TasksMax=)"

_FEW_FILES = 64
"""With a higher limit a library that cannot be loaded has another reason."""

LEAST_MEMORY = 144 << 20
"""Bytes of address space below which numpy's linear algebra may end the process with status 1: "findings"."""

_LACKING: Mapping[int, str] = MappingProxyType({errno.EMFILE: _FILES, errno.ENFILE: _FILES, errno.ENOMEM: _MEMORY})


def shortage(error: BaseException) -> str:
    """Return what this process lacks, in one line, if an error came from that; else an empty text."""
    for each in _chain(error):
        if words := _lacking(each):
            return words.format(limit=_limit(words))
    return ""


def too_little_memory() -> str:
    """Return that this process may not have the memory that every sweep needs, in one line; else an empty text."""
    return _MEMORY.format(limit=_limit(_MEMORY)) if 0 < _limited("RLIMIT_AS") < LEAST_MEMORY else ""


def end_quietly() -> None:
    """Say nothing more: what was half made when something ran short complains while it is cleared away."""
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda _: None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _lacking(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return _MEMORY
    if isinstance(error, OSError):
        return _LACKING.get(error.errno or 0, "")
    if isinstance(error, ImportError):  # the loader says only in words that a library cannot be mapped
        return _unmapped() if error.path is not None and error.path.endswith(".so") else ""
    if isinstance(error, RuntimeError) and _raised_in(error.__traceback__, "threading", "start"):
        return _THREADS
    return ""


def _unmapped() -> str:
    """Return what keeps libraries from being loaded, if a limit of this process can be the reason."""
    if _limited("RLIMIT_AS"):
        return _MEMORY
    return _FILES if 0 < _limited("RLIMIT_NOFILE") < _FEW_FILES else ""


def _raised_in(traceback: TracebackType | None, module: str, function: str) -> bool:
    """Whether the innermost frame is a function of a module."""
    if traceback is None:
        return False
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    frame = traceback.tb_frame
    return (frame.f_globals.get("__name__"), frame.f_code.co_name) == (module, function)


def _limit(words: str) -> str:
    if words is _FILES and (most := _limited("RLIMIT_NOFILE")):
        return f" (its limit is {most})"
    if words is _MEMORY and (most := _limited("RLIMIT_AS")):
        return f" (its limit is {most >> 20} MiB of address space)"
    return ""


def _limited(name: str) -> int:
    """Return a soft limit of this process, 0 where there is none."""
    limits = sys.modules.get("resource")
    if limits is None:
        return 0
    soft: int
    soft, _ = limits.getrlimit(getattr(limits, name))
    return 0 if soft == limits.RLIM_INFINITY else soft

"""Recognisers: bytes in, a `Match` or None out. Pure, bounded, and as much as possible kept as tables.

`recogniser.py` says what one is; `text.py`, `http.py`, `binary.py` and `databases.py` hold them by family;
`hellos.py` holds the questions, each beside the recognisers that know its answers; `order.py` decides what
to ask next. The engine that carries the bytes is `engines/identify.py`.

Every pattern and payload here was written from the protocol's own specification (named beside it) and from
the answers of real servers. None is taken from another scanner's data files.
"""

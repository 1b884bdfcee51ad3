"""Stores texts that repeat once, each under a number, and keeps the recently used ones in memory."""

import sqlite3

MOST_REMEMBERED = 200_000
"""Entries after which the memory is emptied: banners may give a new text for every endpoint."""


class WordTable:
    """Gives texts their numbers. Use it only inside a transaction, and call `forget` after one that failed."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, connection: sqlite3.Connection, text: str) -> int:
        """Return the number of a text, which is stored first where it is new."""
        number = self._numbers.get(text)
        return self._find(connection, text) if number is None else number

    def optional(self, connection: sqlite3.Connection, text: str) -> int | None:
        """Return the number of a text, or None for an empty one."""
        return self.number(connection, text) if text else None

    def forget(self) -> None:
        """Empty the memory: some of it came from a transaction that was rolled back."""
        self._numbers.clear()

    def _find(self, connection: sqlite3.Connection, text: str) -> int:
        if len(self._numbers) >= MOST_REMEMBERED:
            self.forget()
        kept = text.encode("utf-8", "backslashreplace").decode()  # lone surrogates have no UTF-8
        found = connection.execute("SELECT number FROM word WHERE text = ?", (kept,)).fetchone()
        number: int = found[0] if found else _insert(connection, kept)
        self._numbers[text] = number
        return number


class Texts:
    """Gives numbers their texts, each read when it is first needed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._texts: dict[int, str] = {}

    def text(self, number: int | None) -> str:
        """Return the text of a number; empty for None."""
        if number is None:
            return ""
        found = self._texts.get(number)
        return self._find(number) if found is None else found

    def _find(self, number: int) -> str:
        if len(self._texts) >= MOST_REMEMBERED:
            self._texts.clear()
        found: str = self._connection.execute("SELECT text FROM word WHERE number = ?", (number,)).fetchone()[0]
        self._texts[number] = found
        return found


def _insert(connection: sqlite3.Connection, text: str) -> int:
    cursor = connection.execute("INSERT INTO word (text) VALUES (?)", (text,))
    assert cursor.lastrowid is not None
    return cursor.lastrowid

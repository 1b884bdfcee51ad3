"""Texts that repeat, kept once: a number for each, in memory for those that were needed lately."""

import sqlite3

MOST_REMEMBERED = 200_000
"""Then the memory is emptied: banners may give a new text for every endpoint."""


class WordTable:
    """Numbers of texts, made where they are missing. Call only inside a transaction, `forget` after its failure."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, connection: sqlite3.Connection, text: str) -> int:
        """The number of a text."""
        number = self._numbers.get(text)
        return self._find(connection, text) if number is None else number

    def optional(self, connection: sqlite3.Connection, text: str) -> int | None:
        """The number of a text, or None for an empty one."""
        return self.number(connection, text) if text else None

    def forget(self) -> None:
        """Drop what is remembered: the transaction that made some of it is gone."""
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
    """Texts of numbers, read when they are first needed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._texts: dict[int, str] = {}

    def text(self, number: int | None) -> str:
        """The text of a number; empty for None."""
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

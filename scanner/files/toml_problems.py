"""Puts what pydantic says about a TOML file into one line: every problem, each with its line, keys in the file's words.

pydantic's places hold more than keys: where a value may be of several types, the type that was tried stands among
them, and each type complains by itself. So a place is followed through what the file really holds, and complaints
about one place become one.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import AliasChoices, AliasPath, BaseModel, ValidationError

from scanner.files.toml_lines import KeyLines, KeyPath, key_path

MOST_PROBLEMS = 10
"""Maximum number of problems that are written out."""


@dataclass(frozen=True, slots=True)
class TomlProblem:
    """One thing that is wrong in a file."""

    keys: KeyPath
    """Its keys, as far as the file spells them out."""
    text: str
    """The problem, in words."""
    line: int | None
    """The line, where it can be found."""

    def __str__(self) -> str:
        return f"{key_path(self.keys)}: {self.text}" if self.keys else self.text


def problems_of(error: ValidationError, content: Mapping[str, Any], model: type[BaseModel], lines: KeyLines) -> str:
    """Return the words for everything that is wrong, the first with its keys, the others with their lines too."""
    found = list(_problems(error, content, model, lines))
    more = [f"line {each.line}: {each}" if each.line else str(each) for each in found[1:MOST_PROBLEMS]]
    if len(found) > MOST_PROBLEMS:
        more.append(f"and {len(found) - MOST_PROBLEMS} more")
    return "; ".join((str(found[0]), *(["also " + more[0], *more[1:]] if more else [])))


def first_line(error: ValidationError, content: Mapping[str, Any], lines: KeyLines) -> int | None:
    """Return the line of the first problem."""
    return lines.line(_real_keys(content, error.errors(include_url=False)[0]["loc"]))


def _problems(
    error: ValidationError, content: Mapping[str, Any], model: type[BaseModel], lines: KeyLines
) -> Iterator[TomlProblem]:
    texts: dict[tuple[KeyPath, bool], list[str]] = {}
    for each in error.errors(include_url=False):
        keys = _real_keys(content, each["loc"])
        unknown = each["type"] == "extra_forbidden"
        text = (
            unknown_key(str(keys[-1]), _known_keys(model, keys[:-1])) if unknown else _words(each["type"], each["msg"])
        )
        texts.setdefault((keys, unknown), []).append(text)
    for (keys, unknown), several in texts.items():
        text = ", or ".join(dict.fromkeys(several))
        yield TomlProblem(keys[:-1] if unknown else keys, text, lines.line(keys))


def _words(kind: str, message: str) -> str:
    if kind == "missing":
        return "is missing"
    return message.removeprefix("Value error, ").removeprefix("Input ")


def unknown_key(key: str, known: Collection[str]) -> str:
    """Return the words for a key that is not one of `known`, with the nearest of them."""
    near = get_close_matches(key, known, n=1)
    return f'unknown key "{key}"' + (f', did you mean "{near[0]}"?' if near else "")


def _real_keys(content: Any, place: KeyPath) -> KeyPath:
    """Return the part of a pydantic place that the file can hold: without the names of types."""
    keys: KeyPath = ()
    for number, key in enumerate(place):
        if isinstance(content, Mapping):
            last = number == len(place) - 1  # a missing key is the last one
            if key not in content and not last:
                continue
            content = content.get(key)
        elif isinstance(content, list) and isinstance(key, int):
            content = content[key]
        else:
            continue
        keys = (*keys, key)
    return keys


def _known_keys(model: type[BaseModel], place: KeyPath) -> list[str]:
    """Return the keys that a table at `place` may have."""
    for key in place:
        if isinstance(key, str):
            fields = {_written(name, field.validation_alias): field for name, field in model.model_fields.items()}
            inner = _model_in(fields[key].annotation) if key in fields else None
            if inner is None:
                return []
            model = inner
    return [_written(name, field.validation_alias) for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that a field's type holds: itself, in a list, or beside None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _written(name: str, alias: str | AliasPath | AliasChoices | None) -> str:
    return alias if isinstance(alias, str) else name

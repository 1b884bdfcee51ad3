"""The audit file: everything that one nightly sweep needs, so that the line in the crontab stays short.

    name = "Small office"
    targets = ["10.0.1.0/24", "printer.office.example"]
    exclude = ["10.0.1.250"]
    ports = "1-1023,unassigned"
    rate = 500
    policy = "policy.toml"
    history = "history.db"
    only_changes = true
    fail_on = "medium"

    [outputs]
    csv = "findings-{date}.csv"

Every path is relative to the folder of this file, never to wherever cron happens to stand. In `[outputs]` `{date}`
is the local day on which the sweep began and `{sweep_id}` its id; beside a file with such a name, `latest` with the
format's ending always is the newest. Targets, ports and the rest are written as for `scanner scan`.
"""

import string
from collections.abc import Collection, Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model, model_validator

from scanner.config.local_zone import local_zone
from scanner.files.toml import TomlFile, read_toml
from scanner.files.toml_problems import unknown_key

PLACEHOLDERS = frozenset({"date", "sweep_id"})
"""Placeholders that the path of an output may contain."""


def _is_template(text: str) -> str:
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
    if "{" in str(Path(text).parent):
        raise ValueError(f"{text!r}: placeholders are allowed in the name of the file only, not in its folder")
    if unknown := names - PLACEHOLDERS:
        raise ValueError(f"{text!r}: {{{unknown.pop()}}} is not a placeholder; there are {{date}} and {{sweep_id}}")
    return text


PathText: TypeAlias = Annotated[str, Field(min_length=1)]
PathTemplate: TypeAlias = Annotated[str, Field(min_length=1), AfterValidator(_is_template)]


class Outputs(BaseModel):
    """The keys of `[outputs]`: one file a format, and what goes into them. `read_audit` knows the formats' keys."""

    model_config = ConfigDict(extra="allow", frozen=True)

    __pydantic_extra__: dict[str, PathTemplate]

    all_open: bool = False

    @property
    def files(self) -> Mapping[str, str]:
        """The path template of each format's key, in the file's order."""
        return self.__pydantic_extra__ or {}


class AuditKeys(BaseModel):
    """The keys of an audit file that are not options of a scan; `read_audit` adds those."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", max_length=200)
    history: PathText | Literal[False] | None = None
    only_changes: bool = True
    outputs: Outputs = Field(default_factory=lambda: Outputs.model_validate({}))

    @model_validator(mode="after")
    def _has_targets(self) -> Self:
        if not (getattr(self, "targets", ()) or getattr(self, "target_files", ())):
            raise ValueError("names neither targets nor target_files")
        return self


class Audit:
    """An audit file that was read and is valid."""

    def __init__(self, file: TomlFile[Any], zone: tzinfo) -> None:
        self.path = file.path.absolute()
        self.keys = file.content
        self._file, self._zone = file, zone

    @property
    def name(self) -> str:
        """Return the name under which the history keeps it: its own, or that of its file."""
        return self.keys.name or self.path.name

    def where(self, *keys: str | int) -> str:
        """`file:line: key` of a path of keys, for errors to point at."""
        return self._file.where(*keys)

    def beside(self, text: str) -> Path:
        """Return a path that the file names, relative to the folder of the file."""
        return self.path.parent / text

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that a night would write, with its placeholders as they are."""
        return tuple(self.beside(template) for template in self.keys.outputs.files.values())

    def output(self, template: str, sweep_id: str, began: datetime) -> Path:
        """Return the path of an output of a sweep that began at a moment (aware)."""
        day = f"{began.astimezone(self._zone):%Y-%m-%d}"
        return self.beside(template.format(date=day, sweep_id=sweep_id))

    def latest(self, template: str, ending: str) -> Path | None:
        """Return the path that always holds the newest output, or None where the template has no placeholder.

        `ending` is that of its format, so that two formats never share a file.
        """
        if not any(name for _, name, _, _ in string.Formatter().parse(template)):
            return None
        return self.beside(template).with_name(f"latest{ending}")


def read_audit(
    path: Path, *, options: Mapping[str, Any], formats: Collection[str], zone: tzinfo | None = None
) -> Audit:
    """Read an audit file.

    `options` gives the type and default (as pydantic takes them) of each key that is an option of a scan, `formats` the
    keys by which `[outputs]` may name files; `zone` is where its days are, by default the zone of this machine.

    Raises:
        InvalidInput: something is wrong in it; with file, line and key path.
    """
    model = create_model("AuditFile", __base__=AuditKeys, **options)
    file = read_toml(path, model)
    for key in file.content.outputs.files:
        if key not in formats:
            raise file.wrong(unknown_key(key, formats), "outputs", key, cure=f"the formats are {', '.join(formats)}")
    return Audit(file, zone or local_zone())

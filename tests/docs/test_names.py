"""One name, one meaning: a public name at the top of a module is defined in one module only."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import scanner

PACKAGE = Path(scanner.__file__).parent
ROOMS_APART = {
    "InFlightWave": "each engine's own: what it knows of a wave that is under way",
    "recognise": "one a file format in imports/, as its interface asks",
    "read": "likewise",
}
"""Names that stand in several rooms that do not know each other, and mean the same in each."""
TO_BE_RENAMED = {
    *("HOSTS", "PATHS"),
}
"""Names that still have two meanings. This set only shrinks."""


def public_names(module: ast.Module) -> Iterator[str]:
    """Yield the classes, functions and constants that a module defines at its top, without private ones."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        else:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            names = [each.id for each in targets if isinstance(each, ast.Name)]
        yield from (name for name in names if not name.startswith("_"))


def test_a_public_name_is_defined_once() -> None:
    modules = defaultdict(set)
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in public_names(ast.parse(path.read_text("utf-8"))):
            modules[name].add(str(path.relative_to(PACKAGE)))
    several = {name: sorted(homes) for name, homes in modules.items() if len(homes) > 1}
    assert {name: homes for name, homes in several.items() if name not in {*ROOMS_APART, *TO_BE_RENAMED}} == {}


def test_the_names_of_a_module_are_found() -> None:
    text = "A = 1\nB: int = 2\n_C = 3\nclass D: ...\nasync def e(): ...\ndef _f(): ...\nA.x = 1\n"
    assert list(public_names(ast.parse(text))) == ["A", "B", "D", "e"]

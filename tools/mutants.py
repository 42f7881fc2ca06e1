"""Mutation testing: makes one small change after another to a module and tells which ones no test noticed.

`python tools/mutants.py core/queue.py [tests ...]` works on a copy of the sources; without tests, those of
tests/unit that name the module are run. Hypothesis draws the same examples each time.
"""

import ast
import difflib
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

ROOT = Path(__file__).parent.parent
SOURCES = Path("src/prompt2pic")
LEFT_OUT = (".git", ".venv", ".hypothesis", ".*_cache", "data")
CPU, MEMORY = 120, 4 << 30  # seconds and bytes for the tests of a mutant
TEST = 20  # seconds a test

SWAPS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),  # codespell:ignore
    ast.NotIn: (ast.In,),  # codespell:ignore
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.LShift: (ast.RShift,),
    ast.BitOr: (ast.BitAnd,),
    ast.Break: (ast.Continue,),
    ast.Continue: (ast.Break,),
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
# Nothing that runs: types, and what only says what is so anyway.
PASSED_OVER = ("annotation", "returns", "bases", "decorator_list", "ctx")
KEPT = (ast.Assert, ast.Import, ast.ImportFrom)
DECLARED = (ast.ClassDef, ast.FunctionDef, ast.Pass)


def mutants(tree: ast.Module) -> Iterator[str]:
    """Yield the source with one change each; the tree is whole again after each."""
    for parent, field, index, child in list(_children(tree)):
        for changed in _changes(child, field, parent):
            whole = getattr(parent, field)
            if index is None:
                setattr(parent, field, changed)
            else:
                setattr(parent, field, [*whole[:index], *changed, *whole[index + 1 :]])
            yield ast.unparse(ast.fix_missing_locations(tree))
            setattr(parent, field, whole)


def _children(parent: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, Any]]:
    """Yield what can be changed: a parent, the name of a field, the index where that is a list, the child."""
    for field, value in ast.iter_fields(parent):
        if field in PASSED_OVER:
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not isinstance(child, KEPT) and not _is_passed_over(child):
                yield parent, field, index, child
                yield from _children(child)


def _changes(child: ast.AST, field: str, parent: ast.AST) -> Iterator[Any]:
    """Yield what may stand in the child's place: a node, or in a list, nodes."""
    in_list = isinstance(getattr(parent, field), list)
    for other in _others(child):
        yield [other] if in_list else other
    if field in ("keywords", "ifs"):
        yield []
    if field == "test" and isinstance(parent, ast.If):
        yield from (ast.Constant(False), ast.Constant(True))
    if isinstance(child, ast.stmt) and field in ("body", "orelse") and not isinstance(child, DECLARED):
        yield [ast.Pass()]


def _others(child: ast.AST) -> Iterator[ast.AST]:
    for swapped in SWAPS.get(type(child), ()):
        yield swapped()
    match child:
        case ast.Constant(value):
            yield from map(ast.Constant, _constants(value))
        case ast.Name(name) if name in NAMES:
            yield ast.Name(NAMES[name], ast.Load())
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.BoolOp(_, values):
            yield from values if len(values) == 2 else _shorter(child)
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.BinOp(left, _, right):
            yield from (left, right)
        case ast.Call(ast.Name() | ast.Attribute(), [only], []):
            yield only
        case ast.Return(ast.expr() as value) if not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))


def _shorter(child: ast.BoolOp) -> Iterator[ast.AST]:
    for left_out in child.values:
        yield ast.BoolOp(child.op, [value for value in child.values if value is not left_out])


def _constants(value: object) -> list[Any]:
    match value:
        case bool():
            return [not value]
        case int() | float():
            return [value + 1, value - 1]
        case str():
            return [value + "~"]
        case _:
            return []


def _is_passed_over(child: ast.AST) -> bool:
    """Whether it is a docstring or the name of a type."""
    match child:
        case ast.Expr(ast.Constant()) | ast.AnnAssign(_, ast.Name("TypeAlias")):
            return True
        case _:
            return False


def survives(tests: Iterable[str]) -> bool:
    """Whether the tests pass, in a process of their own that may neither hang nor eat the machine."""
    if child := os.fork():
        return os.waitpid(child, 0)[1] == 0
    resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    options = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=mutants", "-o", f"timeout={TEST}"]
    options += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]
    os._exit(pytest.main([*options, *tests]))


def tests_of(module: str) -> list[str]:
    """Return the unit tests that name a module of ours, its own first."""
    package, _, name = module.removesuffix(".py").replace("/", ".").rpartition(".")
    ways = (f"prompt2pic.{package}.{name} import ", f"prompt2pic.{package} import {name}\n")
    naming = [
        file
        for file in (ROOT / "tests/unit").glob("test_*.py")
        if any(way in file.read_text("utf-8") for way in ways)
    ]
    naming.sort(key=lambda file: (name not in file.stem, file.name))
    return [str(file.relative_to(ROOT)) for file in naming]


def main(module: str, *tests: str) -> int:
    """Print the mutants of a module that survive; return 1 where there are any."""
    tests = tests or tuple(tests_of(module))
    settings.register_profile(
        "mutants",
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
        derandomize=True,
        database=None,
    )
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        os.chdir(folder)
        sys.path.insert(0, str(Path(folder) / "src"))
        return _run(SOURCES / module, tests)


def _run(file: Path, tests: tuple[str, ...]) -> int:
    tree = ast.parse(file.read_text())
    original = ast.unparse(tree)
    file.write_text(original)
    if not survives(tests):
        sys.stdout.write("The tests fail without any change.\n")
        return 2
    count = survived = 0
    for count, mutant in enumerate(mutants(tree), 1):
        file.write_text(mutant)
        os.utime(file, (count, count))  # so that nobody takes an older one's byte code for this one's
        if survives(tests):
            survived += 1
            lines = difflib.unified_diff(original.splitlines(), mutant.splitlines(), n=0, lineterm="")
            sys.stdout.write("\n".join([f"\n{count}:", *list(lines)[2:], ""]))
            sys.stdout.flush()
    sys.stdout.write(f"\n{file}: {count} mutants, {survived} survived\n")
    return 1 if survived else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))

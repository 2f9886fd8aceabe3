"""Checks the size of files and functions, and that imports have no circles. `./run test` runs it.

A file has at most 400 lines, unless a line of its docstring starts with "Long because". A function
has at most 50. Tests and generated code are exempt; the sandbox may have long files.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

from config.run import ROOT
from config.run.files import own_files

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50


def main() -> int:
    problems = [*size_problems(ROOT), *import_circles(ROOT)]
    print("\n".join(problems) or "Sizes and imports are fine.")
    return 1 if problems else 0


def size_problems(root: Path) -> Iterator[str]:
    for file in own_files(".py", root=root):
        path = file.relative_to(root)
        if is_test(path) or is_generated(path):
            continue
        text = file.read_text()
        module = ast.parse(text)
        lines = len(text.splitlines())
        may_be_long = "sandbox" in path.parts or gives_reason(module)
        if lines > MAX_FILE_LINES and not may_be_long:
            yield f'{path}: {lines} lines, and no line of its docstring starts with "Long because"'
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    yield f"{path}:{node.lineno}: {node.name} has {length} lines"


def is_test(path: Path) -> bool:
    return "tests" in path.parts or path.name == "conftest.py"


def is_generated(path: Path) -> bool:
    return "migrations" in path.parts or path.is_relative_to("clients/python")


def gives_reason(module: ast.Module) -> bool:
    docstring = ast.get_docstring(module) or ""
    return any(line.startswith("Long because") for line in docstring.splitlines())


def import_circles(root: Path) -> Iterator[str]:
    """The first circle of modules that import each other; imports for types do not count.

    `lint-imports` compares siblings only: it misses a package and a module of its own.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text())
    graph = grimp.build_graph(
        *project["tool"]["importlinter"]["root_packages"],
        exclude_type_checking_imports=True,
        cache_dir=None,
    )
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        yield f"circle of imports: {' <- '.join(error.args[1])}"


if __name__ == "__main__":
    sys.exit(main())

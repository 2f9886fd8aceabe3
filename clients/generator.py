"""Writes the Python client from the OpenAPI document: `./run manage openapi --client`.

The types come from datamodel-code-generator, the methods from here: one for each operation that
callers use, named by its operation id without the path and method at its end.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent / "python" / "social_publishing"
METHODS = ("get", "post", "put", "patch", "delete")
JSON = "application/json"
HEADER = '''"""{}

Written by `./run manage openapi --client`.
Long because the API has many {}.
"""
'''
IMPORTS = """
from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import quote

from . import types as t
from .transport import Transport
"""
TYPES_OF_PARAMETERS = {"boolean": "bool", "integer": "int", "number": "float"}


def write_python_client(document: Mapping[str, Any], package: Path = PACKAGE) -> None:
    (package / "types.py").write_text(types(document), "utf-8")
    (package / "client.py").write_text(client(document), "utf-8")
    for step in (["check", "--fix", "--select", "I,F401"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *step, "-q", package], check=True)


# --- Types ---------------------------------------------------------------------------------------


def types(document: Mapping[str, Any]) -> str:
    """A TypedDict for each schema: plain dictionaries, in which new fields do no harm."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "openapi.json", Path(folder) / "types.py"
        source.write_text(json.dumps(_open(document)), "utf-8")
        subprocess.run(
            [
                sys.executable, "-m", "datamodel_code_generator",
                "--input", source, "--input-file-type", "openapi", "--output", target,
                "--output-model-type", "typing.TypedDict", "--target-python-version", "3.11",
                "--enum-field-as-literal", "all", "--use-schema-description",
                "--disable-timestamp", "--formatters", "builtin",
                "--custom-file-header", HEADER.format("What the API takes and returns.", "schemas"),
            ],
            check=True,
        )  # fmt: skip
        return target.read_text("utf-8")


def _open(node: Any) -> Any:
    """Without `additionalProperties: false`: a TypedDict is not closed before Python 3.15."""
    if isinstance(node, list):
        return [_open(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        name: _open(each)
        for name, each in node.items()
        if (name, each) != ("additionalProperties", False)
    }


# --- Methods -------------------------------------------------------------------------------------


def client(document: Mapping[str, Any]) -> str:
    methods = [
        text
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item and {} not in item[method]["security"]
        for text in _methods(document, path, method, item[method])
    ]
    names = re.findall(r"^    def (\w+)", "\n".join(methods), re.MULTILINE)
    if len(set(names)) < len(names):
        raise ValueError(f"Two operations have the same name: {sorted(names)}")
    title = f"A client of the {document['info']['title']}, version {document['info']['version']}."
    head = HEADER.format(title, "operations")
    return "\n".join([head, IMPORTS, "", "class Client(Transport):", *methods])


def method_name(operation_id: str, path: str, method: str) -> str:
    """`publish_content_now` of `publish_content_now_publish_post`, for POST …/publish."""
    parts = path.split("/")
    for start in range(len(parts)):
        ending = re.sub(r"\W", "_", "/" + "/".join(parts[start:])) + f"_{method}"
        name = operation_id.removesuffix(ending)
        if name != operation_id and "_" in name:
            return name
    return operation_id.removesuffix(f"_{method}")


def _methods(
    document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]
) -> Iterator[str]:
    parameters = [_resolved(document, each) for each in operation.get("parameters", ())]
    name = method_name(operation["operationId"], path, method)
    returned = _returned(operation)
    arguments, call = _arguments(operation, parameters)
    lines = [
        *_signature(name, arguments, returned),
        *_docstring(operation),
    ]
    sent = f"self._call({', '.join([repr(method.upper()), _path(path), *call])})"
    if returned == "None":
        lines.append(f"        {sent}")
    else:
        lines += [f"        result: {returned} = {sent}", "        return result"]
    yield "\n".join([*lines, ""])
    if any(each["name"] == "cursor" for each in parameters) and returned.startswith("list["):
        kept = [each for each in arguments if not each.startswith("cursor")]
        query = _mapping([e for e in parameters if e["in"] == "query" and e["name"] != "cursor"])
        yield "\n".join(
            [
                *_signature(name.replace("list_", "iterate_", 1), kept, f"Iterator[{returned[5:]}"),
                f'        """As `{name}`, over all pages."""',
                f"        yield from self._pages({_path(path)}, {query})",
                "",
            ]
        )


def _arguments(
    operation: Mapping[str, Any], parameters: list[Mapping[str, Any]]
) -> tuple[list[str], list[str]]:
    """The arguments of the method, and of the call that it makes."""
    required, optional, call = [], [], []
    for each in parameters:
        if each["name"] == "redirect":
            continue  # a program cannot follow a redirect to a consent page
        kind = _type_of_parameter(each["schema"])
        if each.get("required"):
            required.append(f"{_argument(each['name'])}: {kind}")
        else:
            optional.append(f"{_argument(each['name'])}: {kind} | None = None")
    if content := operation.get("requestBody", {}).get("content", {}).get(JSON):
        required.append(f"body: {_type(content['schema'])}")
        call.append("body=body")
    for place, argument in (("query", "query"), ("header", "headers")):
        if named := [each for each in parameters if each["in"] == place]:
            call.append(f"{argument}={_mapping(named)}")
    return [*required, *(["*"] if optional else []), *optional], call


def _type_of_parameter(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    return TYPES_OF_PARAMETERS.get(str(schema.get("type")), "str")


def _mapping(parameters: list[Mapping[str, Any]]) -> str:
    names = [each["name"] for each in parameters]
    values = ["False" if name == "redirect" else _argument(name) for name in names]
    return "{" + ", ".join(f"{n!r}: {v}" for n, v in zip(names, values, strict=True)) + "}"


def _signature(name: str, arguments: list[str], returned: str) -> list[str]:
    if arguments and arguments[-1] == "*":
        arguments = arguments[:-1]
    return [f"    def {name}(self, {', '.join(arguments)}) -> {returned}:"]


def _docstring(operation: Mapping[str, Any]) -> list[str]:
    text = f"{operation['summary'].rstrip('.?')}.\n\n{operation['description']}"
    wrapped = [
        textwrap.fill(each, 88, initial_indent=" " * 8, subsequent_indent=" " * 8)
        for each in text.split("\n")
    ]
    body = "\n".join(wrapped).strip().replace('"', "'")
    return [f'        """{body}', '        """']


def _path(path: str) -> str:
    filled = re.sub(r"{(\w+)}", lambda m: "{quote(" + _argument(m[1]) + ", safe='')}", path)
    return f'f"{filled}"' if filled != path else f'"{path}"'


def _argument(name: str) -> str:
    name = name.replace("-", "_").lower()
    return f"{name}_" if name in {"from", "type", "in"} else name


def _returned(operation: Mapping[str, Any]) -> str:
    for status, response in operation["responses"].items():
        if "200" <= status < "300":
            content = response.get("content", {}).get(JSON)
            return _type(content["schema"]) if content else "None"
    return "None"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return f"t.{schema['$ref'].rpartition('/')[2]}"
    if schema.get("type") == "array":
        return f"list[{_type(schema['items'])}]"
    return "Any"


def _resolved(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in node:
        return node
    _, _, kind, name = node["$ref"].split("/")
    resolved: Mapping[str, Any] = document["components"][kind][name]
    return resolved

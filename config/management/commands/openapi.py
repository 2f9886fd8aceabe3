"""Compares the API with that of the last release, and writes what is made from its description."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from drf_spectacular.generators import SchemaGenerator

from clients.generator import write_python_client
from config.schema_changes import breaks

STORED = Path(settings.BASE_DIR) / "docs" / "openapi.json"


def present() -> dict[str, Any]:
    """The OpenAPI document without examples and addresses: they break no caller."""
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    plain: dict[str, Any] = _without_examples(json.loads(json.dumps(document, default=str)))
    del plain["servers"], plain["components"]["examples"]
    return plain


def stored() -> dict[str, Any]:
    """That of the last release."""
    document: dict[str, Any] = json.loads(STORED.read_text("utf-8"))
    return document


def _without_examples(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_examples(each) for each in node]
    if not isinstance(node, dict):
        return node
    is_content = "schema" in node
    return {
        name: _without_examples(each)
        for name, each in node.items()
        if not (is_content and name in {"example", "examples"})
    }


class Command(BaseCommand):
    help = "Print the changes of the API after which callers of the last release may fail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--accept", action="store_true", help=f"write the present API to docs/{STORED.name}"
        )
        parser.add_argument(
            "--client", action="store_true", help="write the Python client to clients/python"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        document = present()
        if options["client"]:
            write_python_client(document)
        if options["accept"]:
            STORED.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
        elif found := breaks(stored(), document):
            raise CommandError("\n".join(found))
        else:
            self.stdout.write("No caller of the last release fails.")

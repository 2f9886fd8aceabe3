"""The Python code of docs/recipes.md fits the client."""

import ast
import re

from django.conf import settings

from clients.python.social_publishing import Client

PAGE = settings.BASE_DIR / "docs" / "recipes.md"


def test_recipes_call_what_the_client_has():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    called = {
        node.attr
        for block in blocks
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "client"
    }

    assert len(called) > 10
    assert {name for name in called if not hasattr(Client, name)} == set()

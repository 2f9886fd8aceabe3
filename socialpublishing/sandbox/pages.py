"""The sandbox's HTML pages: own templates and style sheet, no scripts, nothing external."""

import re
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.template import Context, Engine
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from socialpublishing.sandbox.http import SandboxRequest
from socialpublishing.sandbox.text import find_links

HERE = Path(__file__).parent

# Not the project's engine: that one has the service's context processors and needs its settings.
_engine = Engine(dirs=[str(HERE / "templates")])

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self';"
    " media-src 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_TAG = re.compile(r"(?<![\w&])([#@]\w+)")


def render(
    request: SandboxRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    context = {"base_url": request.base_url, **context}
    html = _engine.get_template(template).render(Context(context))
    return HttpResponse(html, status=status, headers=HEADERS)


def linkify(text: str) -> SafeString:
    """`text` as HTML, with links, hashtags and mentions highlighted, as the platforms do."""
    html, end = SafeString(), 0
    for start, stop in find_links(text):
        url = text[start:stop]
        html += _highlight_tags(text[end:start])
        html += format_html('<a href="{0}" rel="nofollow noreferrer">{0}</a>', url)
        end = stop
    return html + _highlight_tags(text[end:])


def _highlight_tags(text: str) -> SafeString:
    pieces = enumerate(_TAG.split(text))  # every second piece is a tag
    return format_html_join(
        "", "{}", ((format_html("<b>{}</b>", p) if i % 2 else p,) for i, p in pieces)
    )

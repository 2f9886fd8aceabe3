"""How templates of the console write numbers and times."""

from __future__ import annotations

import datetime as dt

from django import template

from connections import admin_base

register = template.Library()


@register.filter
def grouped(number: int) -> str:
    return f"{number:,}"


@register.filter
def moment(at: dt.datetime | None) -> str:
    return admin_base.moment(at)

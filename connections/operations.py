"""What staff can do with a row: a function with a reason and an audit record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db import transaction
from django.db.models import Model
from unfold.widgets import UnfoldAdminTextareaWidget

from socialpublishing import audit


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=250,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autofocus": True}),
        help_text="Stored with the operation and your name. The owner of the account can read it.",
    )


def nothing(*args: Any, **kwargs: Any) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`act` is called with one row and the keyword arguments `actor` and `reason`.

    It and the record in the audit are one transaction. What must not run in one, such as requests
    to platforms, is `afterwards`, which is called with the row. Both may raise a
    SocialPublishingBaseError.
    """

    title: str
    done: str
    action: audit.Action
    act: Callable[..., object] = nothing
    afterwards: Callable[..., object] = nothing
    # Its fields besides the reason become keyword arguments of `act`, if there is one row.
    form: type[ReasonForm] = ReasonForm
    warning: str = ""


def apply_to_row(
    operation: Operation, row: Model, *, actor: audit.Actor, values: Mapping[str, Any]
) -> None:
    """The operation and its audit record, in one transaction. `values` are those of the form."""
    before = _status(row)
    with transaction.atomic():
        operation.act(row, actor=f"ops {actor.name}", **values)
        audit.record(
            operation.action,
            actor=actor,
            row=row,
            reason=values["reason"],
            before=before,
            after=_status(type(row)._base_manager.get(pk=row.pk)),
        )


def _status(row: Model) -> dict[str, str]:
    return {"status": str(row.status)} if hasattr(row, "status") else {}

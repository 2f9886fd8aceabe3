"""Pages of rows that staff do not edit, but act on.

An operation asks for the reason, calls the same function as the API, and reports the result of each
row. On the rows of one page it runs at once; on a whole selection in the background (bulk.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import unfold.decorators
from django.contrib import messages
from django.contrib.admin import helpers
from django.contrib.admin.utils import model_ngettext
from django.core.exceptions import BadRequest, ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.enums import ActionVariant

from connections import bulk
from connections.admin_base import ReadOnlyAdmin
from connections.operations import Operation, ReasonForm, apply_to_row
from socialpublishing import audit
from socialpublishing.errors import SocialPublishingBaseError


def operation(
    button: str,
    *,
    icon: str,
    variant: ActionVariant = ActionVariant.DEFAULT,
    **facts: Any,
) -> Any:
    """A method of an OperatedAdmin that runs `Operation(**facts)`.

    Staff who may operate on the rows see its button above the list and on the page of a row.
    """
    made = Operation(**facts)

    def operate(
        self: OperatedAdmin,
        request: HttpRequest,
        rows: QuerySet[Any] | None = None,
        object_id: str | None = None,
    ) -> HttpResponse:
        return self.operate(request, rows, object_id, made)

    method = unfold.decorators.action(
        description=button, icon=icon, variant=variant, permissions=["operate"]
    )(operate)
    method.operation = made
    return method


class OperatedAdmin(ReadOnlyAdmin):
    """Read-only pages with operations, each named in both `actions` and `actions_detail`."""

    def has_operate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Uses the model's `change` permission. These pages have no form to save, so it has no
        # other meaning here.
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        try:
            return cast("HttpResponse | None", super().response_action(request, queryset))
        except ValidationError:
            # Django does not validate the ids of the selected rows.
            raise BadRequest("The selection is malformed.") from None

    def operate(
        self,
        request: HttpRequest,
        rows: QuerySet[Any] | None,
        object_id: str | None,
        operation: Operation,
    ) -> HttpResponse:
        """Ask for the reason, then apply the operation to the selected `rows`, or to one row."""
        chosen: list[Any]
        if rows is None:
            row = self.get_object(request, object_id)
            if row is None:
                raise Http404
            chosen = [row]
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
            back = reverse(name, args=(object_id,))
        elif request.POST.get("select_across") == "1" and not self.list_disable_select_all:
            return self._operate_on_all(request, rows, operation)
        else:
            chosen = list(rows[: self.list_per_page])
            back = request.get_full_path()
        form_type = operation.form if len(chosen) == 1 else ReasonForm
        form = form_type(request.POST if "reason" in request.POST else None)
        if form.is_valid():
            self.apply(request, chosen, operation, form.cleaned_data)
            return redirect(back)
        return self.question(request, operation, form, back, rows=chosen, count=len(chosen))

    def _operate_on_all(
        self, request: HttpRequest, rows: QuerySet[Any], operation: Operation
    ) -> HttpResponse:
        """The same for all rows that the list's filters and search find, in the background."""
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[: bulk.MAX_ROWS + 1])
        if len(ids) > bulk.MAX_ROWS:
            refusal = f"These are more than {bulk.MAX_ROWS:,} rows: narrow the filters."
            self.message_user(request, refusal, messages.WARNING)
            return redirect(request.get_full_path())
        form = ReasonForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid() or request.POST.get("count") != str(len(ids)):
            # Rows that nobody has counted are never operated on.
            back = request.get_full_path()
            return self.question(request, operation, form, back, rows=(), count=len(ids))
        started = bulk.start(
            self.opts.label,
            request.POST["action"],
            title=operation.title,
            ids=ids,
            reason=form.cleaned_data["reason"],
            actor=audit.Actor.of_request(request),
        )
        return redirect("admin:socialpublishing_bulkoperation_change", started.pk)

    def question(
        self,
        request: HttpRequest,
        operation: Operation,
        form: ReasonForm,
        back: str,
        *,
        rows: Sequence[Any],
        count: int,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": operation.title,
            "opts": self.opts,
            "operation": operation,
            "rows": rows,
            "count": count,
            "form": form,
            "back": back,
            "action": request.POST.get("action", ""),
            "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "console/reason.html", context)

    def apply(
        self,
        request: HttpRequest,
        rows: Iterable[Model],
        operation: Operation,
        values: Mapping[str, Any],
    ) -> None:
        done = 0
        refusals: Counter[str] = Counter()
        actor = audit.Actor.of_request(request)
        for row in rows:
            try:
                with transaction.atomic():
                    apply_to_row(operation, row, actor=actor, values=values)
                    self.log_change(request, row, f"{operation.title}: {values['reason']}")
                operation.afterwards(row)
            except SocialPublishingBaseError as error:
                refusals[str(error)] += 1
            else:
                done += 1
        if done:
            self.message_user(request, self._summary(done, operation.done), messages.SUCCESS)
        for why, count in refusals.items():
            summary = self._summary(count, f"not {operation.done}")
            self.message_user(request, f"{summary} {why}", messages.WARNING)

    def _summary(self, count: int, what: str) -> str:
        return f"{count} {model_ngettext(self.opts, count)} {what}."

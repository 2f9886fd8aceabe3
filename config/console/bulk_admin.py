"""What staff did to many rows at once, and how far it has come."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path

from connections import bulk
from connections.admin_base import display, isolated, moment
from connections.operated_admin import OperatedAdmin, operation
from socialpublishing.audit import Action
from socialpublishing.bulk import BulkOperation


@admin.register(BulkOperation)
class BulkOperationAdmin(OperatedAdmin):
    list_display = ("title", "who", "progress", "why", "created", "ended")
    sortable_by = ()
    search_fields = ("actor_name__exact",)
    change_form_before_template = "console/bulk.html"
    fields = readonly_fields = ("title", "model", "who", "why", "created", "ended")
    actions_detail = ("go_on",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkOperation]:
        return BulkOperation.objects.defer("ids")

    def get_urls(self) -> list[Any]:
        part = path("<uuid:pk>/part/", self.admin_site.part_view(self.part), name="bulk_part")
        return [part, *super().get_urls()]

    def part(self, request: HttpRequest, pk: Any) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        return render(request, "console/bulk_part.html", {"bulk": row})

    @display(description="by")
    def who(self, row: BulkOperation) -> str:
        return isolated(row.actor_name)

    @display(description="progress")
    def progress(self, row: BulkOperation) -> str:
        return f"{row.position:,} of {row.total:,}"

    @display(description="reason")
    def why(self, row: BulkOperation) -> str:
        return isolated(row.reason)

    @display(description="started")
    def created(self, row: BulkOperation) -> str:
        return moment(row.created_at)

    @display(description="ended")
    def ended(self, row: BulkOperation) -> str:
        return moment(row.ended_at)

    go_on = operation(
        "Go on",
        icon="play_arrow",
        title="Go on",
        done="continued",
        action=Action.CONTINUED,
        act=bulk.enqueue,
        warning="If its worker has died. No row is operated on twice. Once an hour this is done "
        "without you.",
    )

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        row = self.get_object(request, object_id)
        if row is None or row.ended_at is not None:
            return []
        return list(super().get_actions_detail(request, object_id))

"""Users and roles in the console. Each change asks for the reason and is in the audit."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from socialpublishing import audit

REASON: tuple[str, Any] = ("Reason", {"fields": ("reason",)})


def reason_field() -> forms.CharField:
    return forms.CharField(
        max_length=audit.REASON_LENGTH,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Stored with the change and your name.",
    )


class NewUserForm(UserCreationForm):  # type: ignore[misc]  # unfold has no types
    reason = reason_field()


class UserForm(UserChangeForm):  # type: ignore[misc]
    reason = reason_field()


class RoleForm(forms.ModelForm):  # type: ignore[type-arg]
    reason = reason_field()

    class Meta:
        model = Group
        fields = ("name", "permissions")


class AuditedAdmin(ModelAdmin):  # type: ignore[misc]
    """Records each change of a row, with the columns and relations of `audited`."""

    audited: tuple[str, ...] = ()

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        form.before = self._state(self.model._base_manager.get(pk=obj.pk)) if change else {}
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        audit.record(
            audit.Action.CHANGED if change else audit.Action.CREATED,
            actor=audit.Actor.of_request(request),
            row=form.instance,
            reason=form.cleaned_data.get("reason", ""),
            before=form.before,
            after=self._state(form.instance),
        )

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        with transaction.atomic():
            actor = audit.Actor.of_request(request)
            audit.record(audit.Action.DELETED, actor=actor, row=obj, before=self._state(obj))
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            for row in queryset:
                self.delete_model(request, row)

    def _state(self, row: Model) -> dict[str, Any]:
        return {name: _plain(getattr(row, name)) for name in self.audited}


def _plain(value: Any) -> Any:
    return sorted(str(each) for each in value.all()) if hasattr(value, "all") else value


class StaffAdmin(AuditedAdmin, UserAdmin):  # type: ignore[type-arg]
    form = UserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    fieldsets = (*(UserAdmin.fieldsets or ()), REASON)
    add_fieldsets = (*UserAdmin.add_fieldsets, REASON)
    audited = (
        "username", "is_active", "is_staff", "is_superuser", "groups", "user_permissions",
    )  # fmt: skip

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Called by the page of a user and by the one that sets a password."""
        if any("password" in str(part) for part in message):
            actor = audit.Actor.of_request(request)
            audit.record(audit.Action.PASSWORD_CHANGED, actor=actor, row=obj)
        return super().log_change(request, obj, message)


class RoleAdmin(AuditedAdmin, GroupAdmin):
    form = RoleForm
    fieldsets: ClassVar[Any] = ((None, {"fields": ("name", "permissions")}), REASON)
    audited = ("name", "permissions")

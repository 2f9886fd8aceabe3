"""The ops console: its pages, its sidebar and its security headers."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client
from django_q.models import Schedule

REGISTERED = {
    "auth.Group", "auth.User", "connections.SocialConnection", "django_q.Schedule",
    "insights.ConnectionInsights", "publishing.WorkerSlot", "publishing.PublishJob",
    "connections.Revocation", "socialpublishing.AuditRecord", "socialpublishing.PlatformPause",
    "socialpublishing.Webhook", "socialpublishing.WebhookDelivery",
    "socialpublishing.BulkOperation",
}  # fmt: skip


def csp(response):
    return {
        part.split()[0]: part.split()[1:]
        for part in response.headers["Content-Security-Policy"].split(";")
    }


def test_only_these_models_have_pages():
    assert {model._meta.label for model in admin.site._registry} == REGISTERED


def test_sidebar_shows_only_pages_that_the_user_may_view(make_staff):
    html = make_staff("view_publishjob").get("/admin/").content.decode()

    assert "/admin/publishing/publishjob/" in html
    assert "/admin/connections/socialconnection/" not in html
    assert "/admin/auth/user/" not in html


def test_superuser_can_open_every_page(make_staff):
    client = make_staff(is_superuser=True)
    html = client.get("/admin/").content.decode()

    for label in REGISTERED:
        address = f"/admin/{label.lower().replace('.', '/')}/"
        assert address in html
        assert client.get(address).status_code == 200


@pytest.mark.django_db
def test_sign_in_redirects_to_the_console():
    User.objects.create_superuser("mara", password="a long password")

    response = Client().post("/admin/login/", {"username": "mara", "password": "a long password"})

    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/login/", "/admin/", "/admin/nothing/here"])
def test_console_allows_compiled_scripts_and_nothing_else(path):
    response = Client().get(path)

    assert csp(response)["script-src"] == ["'self'", "'unsafe-eval'"]
    assert csp(response)["default-src"] == ["'none'"]
    # With no-referrer, browsers send `Origin: null`, and the CSRF check refuses every form.
    assert response.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/api/docs", "/api/v1/connections/", "/nothing"])
def test_all_other_pages_have_the_strict_policy(path):
    response = Client().get(path)

    assert csp(response)["script-src"] == ["'self'"]
    assert response.headers["Referrer-Policy"] == "no-referrer"


def test_favicon_exists(settings):
    [icon] = settings.UNFOLD["SITE_FAVICONS"]

    assert finders.find(icon["href"].removeprefix(settings.STATIC_URL))


def test_superuser_creates_staff(make_staff):
    client = make_staff(is_superuser=True)

    client.post(
        "/admin/auth/user/add/",
        {
            "username": "olga",
            "usable_password": "true",
            "password1": "a long password",
            "password2": "a long password",
            "reason": "She is new here.",
        },
    )

    assert (
        client.get(f"/admin/auth/user/{User.objects.get(username='olga').pk}/change/").status_code
        == 200
    )


def test_nobody_edits_a_schedule(make_staff):
    client = make_staff(is_superuser=True)
    schedule = Schedule.objects.first()

    assert client.get("/admin/django_q/schedule/add/").status_code == 403
    for what in ("change", "delete"):
        response = client.post(f"/admin/django_q/schedule/{schedule.pk}/{what}/", {"post": "yes"})
        assert response.status_code == 403

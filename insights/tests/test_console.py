"""Insights in the ops console."""

from __future__ import annotations

import pytest

from insights.models import WeekEstimate

pytestmark = pytest.mark.usefixtures("empty_cache", "many_billed_reads")


def test_console_shows_the_week_and_its_posts(api, make_account, make_staff):
    account = make_account("twitter")
    account.plant_months(60, text="a caption that stays private")
    page = f"/admin/insights/connectioninsights/{account.connection.pk}/change/"
    viewer = make_staff("view_connectioninsights")
    assert "Nothing is estimated yet" in viewer.get(page).content.decode()

    data = account.best_times(api).json()

    shown = viewer.get(page).content.decode()
    assert shown.count('<td class="text-center') == 7 * 24
    assert shown.count("outline: 2px") == 3
    assert f"Confidence {data['confidence']}" in shown
    assert "and 10 older posts" in shown
    assert "private" not in shown


def test_console_estimates_again_on_request(make_account, make_staff):
    account = make_account("twitter")
    account.plant_months(60)
    page = f"/admin/insights/connectioninsights/{account.connection.pk}/change/"
    ops = make_staff("view_connectioninsights", "change_connectioninsights")
    [operation] = [
        each["path"]
        for each in ops.get(page).context["actions_detail"]
        if "again" in str(each["title"])
    ]

    ops.post(operation, {"reason": "a user asked"}, follow=True)

    assert WeekEstimate.objects.get(connection=account.connection).posts_used == 60


def test_console_refuses_staff_without_the_permission(make_account, make_staff):
    account = make_account("twitter")
    page = f"/admin/insights/connectioninsights/{account.connection.pk}/change/"
    assert make_staff("view_publishjob").get(page).status_code == 403

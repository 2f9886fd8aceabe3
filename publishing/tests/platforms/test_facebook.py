"""Facebook: rules that cross."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(("assets", "rules"), [(0, []), (1, ["link_alone"])])
def test_link_stands_without_assets(api, make_connection, sandbox, assets, rules):
    body = {
        "connection_id": str(make_connection("facebook").pk),
        "text_content": "Hi",
        "assets": [sandbox.picture()] * assets,
        "platform_specific_options": {"link": "https://example.com/news"},
    }

    answer = api.post("publishing/validate", body).json()

    assert [broken["rule"] for broken in answer["violations"]] == rules

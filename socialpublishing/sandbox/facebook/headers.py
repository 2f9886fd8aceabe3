"""Headers of all Graph API responses: trace ids and the app's usage of its rate limit.

https://developers.facebook.com/docs/graph-api/overview/rate-limiting
"""

import json
import secrets

from django.http import HttpResponse


def usage_of(response: HttpResponse, used: int = 1) -> dict[str, int]:
    is_limit = response.status_code == 429
    return {"call_count": 100 if is_limit else used, "total_cputime": 1, "total_time": 1}


def graph_headers(response: HttpResponse, used: int = 1) -> dict[str, str]:
    return {
        "x-fb-trace-id": secrets.token_urlsafe(8),
        "x-fb-request-id": secrets.token_urlsafe(17),
        "X-App-Usage": json.dumps(usage_of(response, used)),
    }

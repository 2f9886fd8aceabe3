"""Trending keywords: https://developers.pinterest.com/docs/api/v5/trending_keywords-list.

The keywords and their search volumes are made up. They are the same for a region for a week.
"""

import datetime as dt
import math
import random
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import SandboxRequest, json_response
from socialpublishing.sandbox.pinterest.errors import invalid
from socialpublishing.sandbox.pinterest.login import requires_token
from socialpublishing.sandbox.pinterest.parameters import boolean_parameter
from socialpublishing.sandbox.state import AuthorizationGrant, as_time

REGIONS = (
    *("US", "CA", "DE", "FR", "ES", "IT", "DE+AT+CH", "GB+IE", "IT+ES+PT+GR+MT"),
    *("PL+RO+HU+SK+CZ", "SE+DK+FI+NO", "NL+BE+LU", "AR", "BR", "CO", "MX", "MX+AR+CO+CL", "AU+NZ"),
)
TYPES = ("growing", "monthly", "yearly", "seasonal")
GENDERS = ("female", "male", "unknown")
AGES = ("18-24", "25-34", "35-44", "45-49", "50-54", "55-64", "65+")
MAX_TRENDS = 50
MAX_KEYWORDS, MAX_KEYWORD = 50, 100
MAX_GROWTH = 10_001
WEEKS = 104
YEAR = 52

# By interest, under Pinterest's names. Interests without keywords are left out.
KEYWORDS = {
    "animals": ("cat wallpaper", "cute puppies", "garden birds"),
    "architecture": ("brick house", "cabin in the woods", "modern house exterior"),
    "art": ("linocut prints", "sketchbook ideas", "watercolor flowers"),
    "beauty": ("french tip nails", "glass skin routine", "winter nails"),
    "childrens_fashion": ("baby outfits", "school outfits"),
    "design": ("logo design ideas", "minimal poster", "typography poster"),
    "diy_and_crafts": ("clay ideas", "crochet blanket", "diy gifts", "handmade cards"),
    "education": ("classroom decor", "study notes"),
    "electronics": ("desk setup", "phone wallpaper"),
    "entertainment": ("movie night", "party games"),
    "event_planning": ("birthday table", "picnic ideas"),
    "finance": ("budget planner", "small business ideas"),
    "food_and_drinks": (
        *("banana bread", "breakfast ideas", "christmas cookies", "coffee aesthetic"),
        *("homemade pasta", "rye bread recipe", "sourdough bread recipe", "sourdough starter"),
    ),
    "gardening": ("balcony garden", "garden paths", "raised garden beds"),
    "health": ("meal prep", "morning routine", "stretching exercises"),
    "home_decor": ("cozy bedroom", "japandi living room", "small kitchen ideas"),
    "mens_fashion": ("linen shirt", "winter coat men"),
    "parenting": ("nursery ideas", "toddler activities"),
    "quotes": ("monday quotes", "slow living quotes"),
    "sport": ("hiking outfit", "running motivation"),
    "travel": ("harbour town", "lisbon travel", "ocean aesthetic", "weekend trips"),
    "vehicles": ("camper van", "vintage cars"),
    "wedding": ("garden wedding", "wedding table"),
    "womens_fashion": ("capsule wardrobe", "silk scarf", "winter outfits"),
}
INTEREST_OF = {keyword: interest for interest, words in KEYWORDS.items() for keyword in words}


@requires_token("user_accounts:read", category="trends_read")
def keywords(
    request: SandboxRequest, grant: AuthorizationGrant, region: str, trend_type: str
) -> HttpResponse:
    if region not in REGIONS:
        raise invalid(f"region: '{region}' is not one of {list(REGIONS)}")
    if trend_type not in TYPES:
        raise invalid(f"trend_type: '{trend_type}' is not one of {list(TYPES)}")
    interests = _enum_list(request, "interests", tuple(KEYWORDS))
    # Genders and ages are checked, but do not change the result here.
    _enum_list(request, "genders", GENDERS)
    _enum_list(request, "ages", AGES)
    included = _included_keywords(request)
    limit = _limit(request)
    is_normalized = boolean_parameter(request, "normalize_against_group")
    week = as_time(request.state.now()).date()
    week -= dt.timedelta(days=week.isoweekday() % 7)  # the last Sunday

    volumes = {
        keyword: _volumes(region, keyword, week)
        for keyword, interest in INTEREST_OF.items()
        if (not interests or interest in interests)
        and (not included or any(words in keyword for words in included))
    }
    ranked = sorted(volumes, key=lambda keyword: -_score(volumes[keyword], trend_type))[:limit]
    top = max((max(volumes[keyword][-YEAR:]) for keyword in ranked), default=1.0)
    data = [
        _trend_object(keyword, volumes[keyword], week, top if is_normalized else None)
        for keyword in ranked
    ]
    return json_response({"trends": data})


def _enum_list(request: SandboxRequest, name: str, known: tuple[str, ...]) -> list[str]:
    values = request.GET.getlist(name)
    for value in values:
        if value not in known:
            raise invalid(f"{name}: '{value}' is not one of {list(known)}")
    return values


def _included_keywords(request: SandboxRequest) -> list[str]:
    values = request.GET.getlist("include_keywords")
    if len(values) > MAX_KEYWORDS:
        raise invalid(f"include_keywords: more than {MAX_KEYWORDS}")
    if not all(1 <= len(words) <= MAX_KEYWORD for words in values):
        raise invalid(f"include_keywords: not of 1 to {MAX_KEYWORD} characters")
    return [words.lower() for words in values]


def _limit(request: SandboxRequest) -> int:
    value = request.GET.get("limit", str(MAX_TRENDS))
    if not (value.isascii() and value.isdecimal() and 1 <= int(value) <= MAX_TRENDS):
        raise invalid(f"limit: '{value}' is not between 1 and {MAX_TRENDS}")
    return int(value)


def _volumes(region: str, keyword: str, week: dt.date) -> list[float]:
    """The searches of each week for two years, up to the week that ended on `week`."""
    luck = random.Random(f"{keyword} in {region}")  # noqa: S311  (no secret)
    base, season, growth = luck.uniform(5, 100), luck.uniform(0, 0.8), luck.uniform(-0.3, 0.6)
    peak = luck.uniform(0, YEAR)
    last = week.toordinal() / 7
    return [
        base
        * (1 + season * math.cos((number - peak) / YEAR * math.tau))
        * (1 + growth * (number - last) / YEAR / 2)
        for number in (last - WEEKS + 1 + step for step in range(WEEKS))
    ]


def _growth(volumes: list[float], weeks: int) -> float:
    """The growth of the last `weeks` over the same number of weeks before, in per cent."""
    before = sum(volumes[-2 * weeks : -weeks])
    return (sum(volumes[-weeks:]) / before - 1) * 100


def _score(volumes: list[float], trend_type: str) -> float:
    match trend_type:
        case "monthly":
            return sum(volumes[-4:])
        case "yearly":
            return sum(volumes[-YEAR:])
        case "seasonal":
            return _growth(volumes, 4)
    return _growth(volumes, 13)


def _trend_object(
    keyword: str, volumes: list[float], week: dt.date, top: float | None
) -> dict[str, Any]:
    """`top`: the volume that becomes 100; None: the keyword's own highest volume."""
    last_year = volumes[-YEAR:]
    days = [week - dt.timedelta(weeks=YEAR - 1 - number) for number in range(YEAR)]
    return {
        "keyword": keyword,
        **{
            f"pct_growth_{name}": min(round(_growth(volumes, weeks)), MAX_GROWTH)
            for name, weeks in (("wow", 1), ("mom", 4), ("yoy", YEAR))
        },
        "time_series": {
            day.isoformat(): round(volume / (top or max(last_year)) * 100)
            for day, volume in zip(days, last_year, strict=True)
        },
    }

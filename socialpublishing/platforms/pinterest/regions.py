"""The regions that Pinterest reports trends for, by the time zone of an account's audience.

Pinterest reports the location of an audience neither with an account nor with a token.
https://developers.pinterest.com/docs/api/v5/trending_keywords-list, as of 2026-11-22
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Region:
    code: str
    name: str
    # IANA names; one that ends in a slash stands for all names that start with it.
    zones: tuple[str, ...] = ()


UNITED_STATES = Region(code="US", name="the United States")
# A country that is in two regions belongs to the smaller one.
REGIONS = (
    Region(
        code="CA",
        name="Canada",
        zones=(
            *("America/Edmonton", "America/Halifax", "America/Montreal", "America/Regina"),
            *("America/St_Johns", "America/Toronto", "America/Vancouver", "America/Winnipeg"),
            "Canada/",
        ),
    ),
    Region(code="DE", name="Germany", zones=("Europe/Berlin", "Europe/Busingen")),
    Region(code="FR", name="France", zones=("Europe/Paris",)),
    Region(code="ES", name="Spain", zones=("Europe/Madrid", "Atlantic/Canary", "Africa/Ceuta")),
    Region(code="IT", name="Italy", zones=("Europe/Rome", "Europe/San_Marino", "Europe/Vatican")),
    Region(
        code="DE+AT+CH",
        name="Germany, Austria and Switzerland",
        zones=("Europe/Vienna", "Europe/Zurich", "Europe/Vaduz"),
    ),
    Region(
        code="GB+IE",
        name="the United Kingdom and Ireland",
        zones=("Europe/London", "Europe/Dublin", "Europe/Belfast", "Europe/Jersey", "GB"),
    ),
    Region(
        code="IT+ES+PT+GR+MT",
        name="Southern Europe",
        zones=("Europe/Lisbon", "Europe/Athens", "Europe/Malta", "Atlantic/Madeira"),
    ),
    Region(
        code="PL+RO+HU+SK+CZ",
        name="Central and Eastern Europe",
        zones=(
            *("Europe/Warsaw", "Europe/Bucharest", "Europe/Budapest"),
            *("Europe/Bratislava", "Europe/Prague"),
        ),
    ),
    Region(
        code="SE+DK+FI+NO",
        name="the Nordic countries",
        zones=("Europe/Stockholm", "Europe/Copenhagen", "Europe/Helsinki", "Europe/Oslo"),
    ),
    Region(
        code="NL+BE+LU",
        name="the Netherlands, Belgium and Luxembourg",
        zones=("Europe/Amsterdam", "Europe/Brussels", "Europe/Luxembourg"),
    ),
    Region(
        code="AR",
        name="Argentina",
        zones=("America/Argentina/", "America/Buenos_Aires", "America/Cordoba"),
    ),
    Region(
        code="BR",
        name="Brazil",
        zones=(
            *("America/Bahia", "America/Belem", "America/Fortaleza", "America/Manaus"),
            *("America/Recife", "America/Sao_Paulo", "Brazil/"),
        ),
    ),
    Region(code="CO", name="Colombia", zones=("America/Bogota",)),
    Region(
        code="MX",
        name="Mexico",
        zones=(
            *("America/Cancun", "America/Merida", "America/Mexico_City", "America/Monterrey"),
            *("America/Tijuana", "Mexico/"),
        ),
    ),
    Region(
        code="MX+AR+CO+CL",
        name="Mexico, Argentina, Colombia and Chile",
        zones=("America/Santiago", "Chile/"),
    ),
    Region(
        code="AU+NZ",
        name="Australia and New Zealand",
        zones=("Australia/", "Pacific/Auckland", "Pacific/Chatham"),
    ),
)


def region_of(timezone: str) -> Region:
    """The region of an IANA zone; the United States if no region has it or it is empty."""
    for region in REGIONS:
        for zone in region.zones:
            if timezone == zone or (zone.endswith("/") and timezone.startswith(zone)):
                return region
    return UNITED_STATES

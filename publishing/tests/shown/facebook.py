SHOWN = {
    "page_id": lambda post, connection: (
        post["account_id"] == connection.destinations.get().external_id
    ),
    "link": lambda post, connection: post["details"]["link"] == "https://example.com/news",
    "link_details": lambda post, connection: (
        (post["details"]["name"], post["details"]["description"])
        == ("News of the bakery", "Rye is back")
    ),
    "place": lambda post, connection: post["details"]["place"] == "110843418940484",
    "targeting": lambda post, connection: (
        post["details"]["targeting"]
        == {"geo_locations": {"countries": ["DE", "AT"]}, "age_min": 18}
    ),
    "feed_targeting": lambda post, connection: (
        post["details"]["feed_targeting"] == {"geo_locations": {"countries": ["CH"]}}
    ),
    "video_title": lambda post, connection: post["details"]["title"] == "Our bakery at dawn",
}
CASES = {
    "video_title": (("feed", "video"), {}),
    "link_details": (("feed", "text"), {"link": "https://example.com/news"}),
}

SHOWN = {
    "page_id": lambda post, connection: (
        post["account_id"] == connection.destinations.get().external_id
    ),
    "link": lambda post, connection: post["details"]["link"] == "https://example.com/news",
    "video_title": lambda post, connection: post["details"]["title"] == "Our bakery at dawn",
}
CASES = {"video_title": (("feed", "video"), {})}

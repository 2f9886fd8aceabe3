SHOWN = {
    "page_id": lambda post, connection: (
        post["account_id"] == connection.destinations.get().external_id
    ),
    "link": lambda post, connection: post["details"]["link"] == "https://example.com/news",
}
CASES = {}

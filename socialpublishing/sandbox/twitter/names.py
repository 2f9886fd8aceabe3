"""The two generations of X's field names: `tweet.fields` (OpenAPI 2.166), `post.fields` (2.167).

The sandbox uses the old names and translates its responses.
"""

from typing import Any

from socialpublishing.sandbox.http import SandboxRequest

NEW_NAMES = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "most_recent_tweet_id": "most_recent_post_id",
    "note_tweet": "note_post",
    "pinned_tweet_id": "pinned_post_id",
    "referenced_tweets": "referenced_posts",
    "retweet_count": "repost_count",
    "tweet_count": "post_count",
    "tweets": "posts",
}
OLD_NAMES = {new: old for old, new in NEW_NAMES.items()} | {
    "referenced_posts": "referenced_tweets.id"
}


def in_requested_names(request: SandboxRequest, body: dict[str, Any]) -> dict[str, Any]:
    """`body`, which has old names, in the names of the request or of `twitter_names`."""
    names = request.state.setting("twitter_names")
    if names == "asked":
        names = _names_of_request(request)
    return body if names == "old" else _renamed(body, keep_old=names == "mixed")


def _names_of_request(request: SandboxRequest) -> str:
    """If the request uses neither, the response has both: X's own SDK requires the new names."""
    values = ",".join(request.GET.getlist("expansions") + request.GET.getlist("user.fields"))
    names = {*request.GET, *values.split(",")}
    if not names.isdisjoint({"post.fields", *OLD_NAMES}):
        return "new"
    return "mixed" if names.isdisjoint({"tweet.fields", *OLD_NAMES.values()}) else "old"


def _renamed(value: Any, *, keep_old: bool) -> Any:
    if isinstance(value, list):
        return [_renamed(item, keep_old=keep_old) for item in value]
    if not isinstance(value, dict):
        return value
    renamed = {}
    for name, item in value.items():
        item = _renamed(item, keep_old=keep_old)
        renamed[NEW_NAMES.get(name, name)] = item
        if keep_old:
            renamed[name] = item
    return renamed

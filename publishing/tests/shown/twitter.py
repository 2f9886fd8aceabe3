"""How the sandbox must show each option of X. Used by test_every_kind.py."""

OPTION_CHECKS = {
    "thread": lambda post, connection: (
        post["text"] == "And the second." and post["details"]["reply"]
    ),
    "poll": lambda post, connection: post["details"]["poll"]["options"] == ["Rye", "Spelt"],
    "reply_settings": lambda post, connection: (
        post["details"]["reply_settings"] == "mentionedUsers"
    ),
    "made_with_ai": lambda post, connection: post["details"]["made_with_ai"],
    "paid_partnership": lambda post, connection: post["details"]["paid_partnership"],
    "tagged_user_ids": lambda post, connection: (
        post["details"]["media"]["tagged_user_ids"] == ["2244994945"]
    ),
    "first_comment": lambda post, connection: (
        post["text"] == "Open from six in the morning." and "reply" in post["details"]
    ),
}
POST_FOR_OPTION = {
    "tagged_user_ids": (("feed", "image"), {}),
}
# The request that creates the post, and the one that uploads an asset: method and path.
PUBLISH_REQUEST = ("POST", "^/2/tweets$")
UPLOAD_REQUEST = ("POST", "/2/media/upload$")
# A reply is a post of its own.
COMMENT_IS_POST = True

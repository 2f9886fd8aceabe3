"""Creating, editing and deleting a Page's posts and photos.

https://developers.facebook.com/documentation/pages-api/posts
"""

from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.blobs import Blob
from socialpublishing.sandbox.facebook import params
from socialpublishing.sandbox.facebook.errors import graph_error, invalid, missing_object
from socialpublishing.sandbox.facebook.fields import pick, requested_fields
from socialpublishing.sandbox.facebook.login import NAME, authorized_token
from socialpublishing.sandbox.facebook.nodes import EPOCH_MS, POSTING_TASKS, post_node
from socialpublishing.sandbox.fetching import FetchFailed, fetch
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.state import Account, Media, Post, State

MAX_PHOTO_BYTES = 10 * 1024 * 1024
PHOTO_TYPES = ("image/jpeg", "image/bmp", "image/png", "image/gif", "image/tiff")
FETCH_AGENT = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"
REPEAT_WINDOW_S = 86400
DAYS_AHEAD = 75  # how far ahead a post can be scheduled; the Posts guide has 30
FEED_DETAILS = (
    "name",
    "description",
    "picture",
    "place",
    "targeting",
    "feed_targeting",
    "child_attachments",
    "call_to_action",
)


def publish(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`POST /{page}/feed`: text, a link, or photos that were uploaded unpublished."""
    page = author(request, node_id)
    text = params.text_param(request, "message")
    link = params.text_param(request, "link")
    photo_ids = params.attached_media(request.params)
    if not text.strip() and not link and not photo_ids:
        raise invalid("Missing message or attachment")
    params.check_link(link)
    requested = requested_fields(request, "POST", "id")  # a write can return fields of the new post
    details = params.sent_details(request, *FEED_DETAILS)
    params.check_cards(details.get("child_attachments"))
    is_scheduled = bool(request.params.get("scheduled_publish_time"))
    if is_scheduled:
        params.scheduled_time(request, DAYS_AHEAD)
    with request.state.lock:
        photos = tuple(_staged(request.state, page, photo_id) for photo_id in photo_ids)
        is_public = params.bool_param(request, "published") and not is_scheduled
        post = _add_post(request.state, page, text, photos, link=link, is_public=is_public)
        post.details |= details
    return json_response(pick(post_node(request, post), requested))


def add_photo(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`POST /{page}/photos`: a post of one photo, or with `published=false` a photo for later."""
    page = author(request, node_id)
    text = params.text_param(request, "message") or params.text_param(request, "caption")
    is_public = params.bool_param(request, "published")
    data = next(iter(request.files.values()), None)  # its field may have any name
    if data is None:
        data = _fetched(
            params.text_param(request, "url")
        )  # may take long: the state is not locked yet
    with request.state.lock:
        photo = _add_photo(
            request.state, page, data, alt_text=params.text_param(request, "alt_text_custom")
        )
        if not is_public:
            return json_response({"id": photo.id})
        post = _add_post(request.state, page, text, (photo,))
    return json_response({"id": photo.id, "post_id": post.id})


def edit(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`POST /{post}`: change the text."""
    token = authorized_token(request)
    text = params.text_param(request, "message")
    with request.state.lock:
        post = request.state.posts.get((NAME, node_id))
        if post is None or post.account is not token.account or post.is_deleted:
            return missing_object("post", node_id)
        _demand_right_to_post(token.grant.scopes, post.account)
        post.text = text
    return json_response({"success": True})


def delete(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`DELETE /{post}` or `/{photo}`. A post is deleted with its only photo."""
    token = authorized_token(request)
    with request.state.lock:
        post = request.state.posts.get((NAME, node_id))
        photo = request.state.media.get((NAME, node_id))
        if photo and photo.account_id == token.account.id:
            del request.state.media[NAME, node_id]
            post = request.state.posts.get((NAME, photo.post_id))
            if post and post.media == (photo,):
                request.state.delete(post)
        elif post and post.account is token.account and not post.is_deleted:
            _demand_right_to_post(token.grant.scopes, post.account)
            request.state.delete(post)
        else:
            return missing_object("delete", node_id)
    return json_response({"success": True})


def text_of(request: SandboxRequest) -> str:
    is_write = request.method == "POST" and request.path_info.endswith(
        ("/feed", "/photos", "/videos", "/video_reels", "/comments")
    )
    if not is_write:
        return ""
    names = ("message", "caption", "description")
    return next((str(request.params[name]) for name in names if request.params.get(name)), "")


# --- Permissions ---------------------------------------------------------------------------------


def author(request: SandboxRequest, node_id: str) -> Account:
    """The Page that posts. Raises EarlyResponse without its own token or the permission to post."""
    token = authorized_token(request)
    if token.kind != "page":
        if node_id in token.grant.page_ids:
            raise EarlyResponse(
                graph_error(210, "(#210) A page access token is required to request this resource.")
            )
        if node_id in ("me", token.account.id):  # Meta removed publish_actions in 2018
            raise EarlyResponse(
                graph_error(200, "(#200) Posting to a personal profile is not possible.")
            )
        raise EarlyResponse(missing_object("post", node_id))
    if node_id not in ("me", token.account.id):
        raise EarlyResponse(missing_object("post", node_id))
    _demand_right_to_post(token.grant.scopes, token.account)
    return token.account


def _demand_right_to_post(scopes: set[str], page: Account) -> None:
    has_scopes = scopes.issuperset(("pages_manage_posts", "pages_read_engagement"))
    tasks = page.facts["tasks"]
    if not has_scopes or (tasks is not None and POSTING_TASKS.isdisjoint(tasks)):
        raise EarlyResponse(
            graph_error(
                200,
                "(#200) If posting to a page, requires both pages_read_engagement and"
                " pages_manage_posts as an admin with sufficient administrative permission",
            )
        )


# --- Creating photos and posts -------------------------------------------------------------------


def _fetched(url: str) -> Blob:
    """The photo at `url`."""
    if not url:
        raise EarlyResponse(graph_error(324, "(#324) Requires upload file"))
    try:
        return fetch(url, max_bytes=MAX_PHOTO_BYTES, agent=FETCH_AGENT)
    except FetchFailed as failed:
        if failed.reason == "too_large":
            raise _unreadable_photo() from failed
        raise EarlyResponse(
            graph_error(324, "Missing or invalid image file", subcode=2069019)
        ) from failed


def _add_photo(state: State, page: Account, data: Blob, *, alt_text: str) -> Media:
    photo = Media(
        platform=NAME,
        id=state.new_id(EPOCH_MS),
        account_id=page.id,
        created_at=state.now(),
        alt_text=alt_text,
    )
    if data.size <= min(MAX_PHOTO_BYTES, state.setting("facebook_photo_megabytes") * 1024**2):
        state.add_media(photo, data)
    # No page lists WebP, but it is accepted in fact.
    webp = ("image/webp",) if state.setting("facebook_webp") == "accepted" else ()
    if photo.picture is None or photo.picture.mime_type not in (*PHOTO_TYPES, *webp):
        state.media.pop((NAME, photo.id), None)
        raise _unreadable_photo()
    return photo


def _unreadable_photo() -> EarlyResponse:
    return invalid(
        "Invalid parameter",
        subcode=1366046,
        user_title="Can't Read Files",
        user_message="Your photos couldn't be uploaded. Photos should be smaller than 4 MB and"
        " saved as JPG, PNG, GIF or TIFF files.",
    )


def _staged(state: State, page: Account, photo_id: str) -> Media:
    photo = state.media.get((NAME, photo_id))
    if photo is None or photo.account_id != page.id:
        raise invalid(f"Param attached_media: {photo_id} is not a photo of this Page")
    if photo.post_id:
        raise already_posted()
    return photo


def already_posted() -> EarlyResponse:
    return invalid(
        "Invalid parameter",
        subcode=1366051,
        user_title="Already posted",
        user_message="These photos were already posted.",
    )


def _add_post(
    state: State,
    page: Account,
    text: str,
    photos: tuple[Media, ...],
    *,
    link: str = "",
    is_public: bool = True,
) -> Post:
    if len(set(photos)) < len(photos):
        raise already_posted()
    _refuse_repeat(state, page, text, photos)
    post = _made(page, text, photos, link, number=state.new_id(EPOCH_MS), created_at=state.now())
    post.is_public = is_public
    for photo in photos:
        photo.post_id = post.id
    state.add_post(post)
    return post


def add_video(
    state: State, page: Account, text: str, video: Media, details: dict[str, Any]
) -> Post:
    post = _made(page, text, (video,), "", number=state.new_id(EPOCH_MS), created_at=state.now())
    post.details |= details
    video.post_id = post.id
    state.add_post(post)
    return post


def add_story(state: State, page: Account, photo: Media) -> Post:
    post = _made(page, "", (photo,), "", number=state.new_id(EPOCH_MS), created_at=state.now())
    post.facts["is_story"] = True
    post.details["kind"] = "story"
    photo.post_id = post.id
    state.add_post(post)
    return post


def plant(
    state: State, page: Account, text: str, photos: tuple[Media, ...], created_at: float
) -> Post:
    number = state.new_id(EPOCH_MS, at=created_at)
    return _made(page, text, photos, "", number=number, created_at=created_at)


def _made(
    page: Account,
    text: str,
    photos: tuple[Media, ...],
    link: str,
    *,
    number: str,
    created_at: float,
) -> Post:
    return Post(
        platform=NAME,
        id=f"{page.id}_{number}",
        account=page,
        text=text,
        created_at=created_at,
        path=f"/{page.id}/posts/{number}",
        media=photos,
        facts={"link": link},
        details={"link": link} if link else {},
    )


def _refuse_repeat(state: State, page: Account, text: str, photos: tuple[Media, ...]) -> None:
    """Facebook's incomplete protection against duplicates; a setting selects its kind."""
    guard = state.setting("facebook_duplicates")
    earlier = [
        post
        for post in state.posts_of(page)
        if post.is_visible and post.created_at > state.now() - REPEAT_WINDOW_S
    ]
    if guard == "506" and text and earlier and earlier[0].text == text:
        raise EarlyResponse(
            graph_error(
                506,
                "(#506) Duplicate status message",
                subcode=1455006,
                user_title="Duplicate status update",
                user_message="This status update is identical to the last one you posted. Try"
                " posting something different, or delete your previous update.",
            )
        )
    if guard == "1404082" and text and any(post.text == text for post in earlier):
        raise EarlyResponse(
            graph_error(368, "It looks like you have already posted this.", subcode=1404082)
        )
    shown = {photo.sha256 for post in earlier for photo in post.media}
    if guard == "1366051" and photos and shown.issuperset(photo.sha256 for photo in photos):
        raise already_posted()

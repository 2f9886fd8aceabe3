import datetime as dt
import re

import pytest

ATTACK = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


def test_feed_shows_posts_newest_first(x, page, site):
    x.tweet("First of all")
    page.publish(message="Second to none")
    html = site.get("/feed").text
    assert html.index("Second to none") < html.index("First of all")


def test_feed_of_one_platform_shows_only_its_posts(x, page, site):
    x.tweet("From X")
    page.publish(message="From the Page")
    assert "From the Page" not in site.get("/feed/twitter").text
    assert "From X" not in site.get("/feed/facebook").text


def test_feed_reloads_automatically_only_with_live(site):
    refresh = '<meta http-equiv="refresh" content="5">'
    assert refresh not in site.get("/feed").text
    assert refresh in site.get("/feed?live=1").text


def test_empty_feed_has_a_message(site):
    assert "No posts yet" in site.get("/feed").text


def test_posted_text_is_escaped(make_x, make_page, site, control, sample):
    x = make_x(name=ATTACK)
    media = x.upload(sample("city.png"))
    alt = {"id": media["id"], "metadata": {"alt_text": {"text": ATTACK}}}
    x.post("/2/media/metadata", json=alt)
    x.tweet(f"{ATTACK} #tag", media={"media_ids": [media["id"]]})
    make_page(name=ATTACK, pages=[{"name": ATTACK, "category": ATTACK}]).publish(
        message=ATTACK, link=f"https://example.com/?q={ATTACK}"
    )
    paths = ["/feed", "/"] + [post["url"].removeprefix(site.url) for post in control.posts()]
    for path in paths:
        html = site.get(path).text
        assert "<script" not in html
        assert "<img src=x" not in html
        assert "&lt;script&gt;" in html


def test_links_hashtags_and_mentions_are_highlighted(x, site):
    x.tweet("See https://example.com/a?b=1&c=2 #sunrise @jonas")
    html = site.get("/feed").text
    assert '<a href="https://example.com/a?b=1&amp;c=2" rel="nofollow noreferrer">' in html
    assert "<b>#sunrise</b>" in html
    assert "<b>@jonas</b>" in html


def test_pages_load_no_external_files_and_no_scripts(site):
    for path in ("/", "/feed"):
        response = site.get(path)
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert 'src="http' not in response.text
        assert "<script" not in response.text


def test_uploaded_picture_is_served_with_its_type(x, site, control, sample):
    x.tweet("", media={"media_ids": [x.upload(sample("balloons.webp"))["id"]]})
    [medium] = control.posts()[0]["media"]
    response = site.get(f"/media/{medium['sha256']}")
    assert response.content == sample("balloons.webp")
    assert response.headers["Content-Type"] == "image/webp"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "mime_type"),
    [
        ("bakery.jpg", "image/jpeg"),
        ("balloons.webp", "image/webp"),
        ("city.png", "image/png"),
        ("harbour.jpg", "image/jpeg"),
        ("mountains.jpg", "image/jpeg"),
        ("sailboat.jpg", "image/jpeg"),
        ("waves.gif", "image/gif"),
    ],
)
def test_sample_pictures_are_small_and_have_their_type(site, name, mime_type):
    response = site.get(f"/samples/{name}")
    assert response.headers["Content-Type"] == mime_type
    assert len(response.content) <= 100_000


def test_permalink_shows_the_post_until_it_is_deleted(x, site):
    tweet = x.tweet("Here for a while")
    for path in (f"/twitter/someone/status/{tweet['id']}", f"/twitter/i/status/{tweet['id']}"):
        assert "Here for a while" in site.get(path).text
    x.delete(f"/2/tweets/{tweet['id']}")
    assert site.get(f"/twitter/someone/status/{tweet['id']}").status_code == 404


def test_more_than_four_photos_are_counted(page, sample, site):
    pictures = [page.photo(sample(n), published="false")["id"] for n in ("city.png",) * 6]
    page.publish(**{f"attached_media[{i}][media_fbid]": p for i, p in enumerate(pictures)})
    assert "+2" in site.get("/feed").text


def test_poll_shows_its_options(x, site):
    x.tweet("Where to?", poll={"options": ["Mountains", "Sea"], "duration_minutes": 60})
    assert "<li>Mountains</li><li>Sea</li>" in site.get("/feed").text


@pytest.mark.parametrize(
    ("name", "mime_type"),
    [
        ("clip.mp4", "video/mp4"),
        ("reel.mp4", "video/mp4"),
        ("document.pdf", "application/pdf"),
    ],
)
def test_other_samples_have_their_type(site, name, mime_type):
    assert site.get(f"/samples/{name}").headers["Content-Type"] == mime_type
    assert f'href="/samples/{name}"' in site.get("/").text


def test_feed_shows_videos_and_documents(server, x, control, site, sample):
    at = dt.datetime.fromtimestamp(server.state.now() - 60, dt.UTC).isoformat()
    posts = [{"created_at": at, "kind": kind} for kind in ("video", "document")]
    control.post("/history", json={"platform": "twitter", "account_id": x.id, "posts": posts})
    video, document = control.get("/posts", params={"history": "true"}).json()

    html = site.get(video["url"].removeprefix(site.url)).text
    [source] = re.findall(
        r'<video src="([^"#]+)#t=0.1" controls preload="metadata" width="1280"', html
    )
    assert site.get(source).content == sample("clip.mp4")
    assert site.get("/feed").headers["Content-Security-Policy"].endswith("media-src 'self'")
    html = site.get(document["url"].removeprefix(site.url)).text
    assert "document.pdf</a>" in html
    assert "/media/" not in site.get("/feed").text  # the feed leaves out planted posts

"""Comments on the sandbox's posts, and deleted posts."""


def test_comments_are_listed_with_their_post_and_shown_on_the_feed(page, control, site):
    post_id = page.publish(message="A post")
    made = page.post(f"/{post_id}/comments", data={"message": "First <b>"}).json()
    page.post(f"/{post_id}/comments", data={"message": "Second"})

    [post] = control.posts()
    assert [each["text"] for each in post["comments"]] == ["First <b>", "Second"]
    assert post["comments"][0]["id"] == made["id"]
    assert "First &lt;b&gt;" in site.get("/feed").text
    newest = page.get(f"/{post_id}/comments?order=reverse_chronological&fields=message").json()
    assert [each["message"] for each in newest["data"]] == ["Second", "First <b>"]


def test_reply_on_x_is_a_comment_of_its_post(x, control):
    first = x.tweet("A post")["id"]
    x.tweet("A reply", reply={"in_reply_to_tweet_id": first})
    [post, reply] = control.posts()
    assert [each["id"] for each in post["comments"]] == [reply["id"]]


def test_deleted_post_is_listed_on_request_only(page, control, site):
    post_id = page.publish(message="A post")
    assert page.delete(f"/{post_id}").ok
    assert control.posts() == []
    [post] = control.get("/posts", params={"deleted": "true"}).json()
    assert post["deleted_at"]
    assert "A post" not in site.get("/feed").text
    assert page.post(f"/{post_id}/comments", data={"message": "Late"}).status_code == 400


def test_comment_needs_its_permission(make_page):
    page = make_page(scopes=["pages_show_list", "pages_manage_posts", "pages_read_engagement"])
    post_id = page.publish(message="A post")
    response = page.post(f"/{post_id}/comments", data={"message": "Hello"})
    assert response.json()["error"]["code"] == 10

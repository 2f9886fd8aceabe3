import pytest


def test_boards_are_listed_in_pages(make_pinner):
    pinner = make_pinner(boards=[{"name": f"Board {n}"} for n in range(5)])
    names, bookmark, pages = [], "", 0
    while bookmark is not None:
        params = {"page_size": 2, **({"bookmark": bookmark} if bookmark else {})}
        response = pinner.get("/boards", params=params).json()
        names += [board["name"] for board in response["items"]]
        bookmark, pages = response["bookmark"], pages + 1
    assert (names, pages) == ([f"Board {n}" for n in range(5)], 3)


@pytest.mark.parametrize(
    "params", [{"page_size": 0}, {"page_size": 251}, {"bookmark": "?"}, {"privacy": "MINE"}]
)
def test_invalid_page_parameter_is_refused(pinner, params):
    response = pinner.get("/boards", params=params, is_invalid=True)
    assert (response.status_code, response.json()["code"]) == (400, 1)


def test_board_is_created_read_and_deleted(pinner):
    made = pinner.post("/boards", json={"name": "Bread", "description": "Rye"})
    assert made.status_code == 201
    board = made.json()
    assert (board["name"], board["description"], board["privacy"]) == ("Bread", "Rye", "PUBLIC")
    assert pinner.get(f"/boards/{board['id']}").json() == board
    assert pinner.delete(f"/boards/{board['id']}").status_code == 204
    gone = pinner.get(f"/boards/{board['id']}")
    assert (gone.status_code, gone.json()) == (404, {"code": 40, "message": "Board not found."})


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 5}, {"name": "a", "privacy": "X"}, []])
def test_invalid_board_is_refused(pinner, body):
    assert pinner.post("/boards", json=body, is_invalid=True).json()["code"] == 1


def test_secret_boards_require_their_own_scopes(make_pinner):
    boards = [{"name": "Open"}, {"name": "Gifts", "privacy": "SECRET"}]
    plain = make_pinner(boards=boards)
    assert [board["name"] for board in plain.get("/boards").json()["items"]] == ["Open"]
    hidden = plain.account["boards"][1]["id"]
    for response in (
        plain.get(f"/boards/{hidden}"),
        plain.post("/boards", json={"name": "More", "privacy": "SECRET"}),
    ):
        assert (response.status_code, response.json()["code"]) == (403, 29)

    scopes = [*plain.account["scopes"], "boards:read_secret", "boards:write_secret"]
    trusted = make_pinner(boards=boards, scopes=scopes)
    listed = trusted.get("/boards", params={"privacy": "SECRET"}).json()["items"]
    assert [board["name"] for board in listed] == ["Gifts"]
    assert trusted.post("/boards", json={"name": "More", "privacy": "SECRET"}).status_code == 201


def test_sections_are_created_and_listed(pinner):
    path = f"/boards/{pinner.board_id}/sections"
    made = pinner.post(path, json={"name": "Rye"})
    assert made.status_code == 201
    assert pinner.get(path).json() == {"items": [made.json()], "bookmark": None}
    for name in ("", "a" * 181):
        assert pinner.post(path, json={"name": name}, is_invalid=True).status_code == 400
    assert pinner.post("/boards/1/sections", json={"name": "x"}).json()["code"] == 40


def test_boards_of_another_account_are_not_found(make_pinner):
    other = make_pinner()
    assert make_pinner().get(f"/boards/{other.board_id}").status_code == 404


def test_list_may_leave_out_a_board(make_pinner):
    pinner = make_pinner(boards=[{"name": "Rye"}, {"name": "Spelt", "is_listed": False}])
    assert [board["name"] for board in pinner.get("/boards").json()["items"]] == ["Rye"]
    hidden = pinner.account["boards"][1]["id"]
    assert pinner.get(f"/boards/{hidden}").json()["name"] == "Spelt"

"""One sandbox for all tests, reset before each."""

import pytest

from socialpublishing.sandbox.server import SandboxServer
from socialpublishing.tests.sandbox.callers import Client, Control, Page, X
from socialpublishing.tests.sandbox.pinners import Pinner


@pytest.fixture(scope="session")
def running_server():
    with SandboxServer() as server:
        yield server


@pytest.fixture
def server(running_server):
    running_server.state.reset()
    return running_server


@pytest.fixture
def site(server):
    return Client(server.url)


@pytest.fixture
def control(server):
    return Control(f"{server.url}/control")


@pytest.fixture
def make_x(server, control):
    return lambda **facts: X(server, control.account("twitter", **facts))


@pytest.fixture
def x(make_x):
    return make_x()


@pytest.fixture
def make_person(control):
    return lambda **facts: control.account("facebook", **facts)


@pytest.fixture
def make_page(server, make_person):
    return lambda **facts: Page(server, make_person(**facts)["pages"][0])


@pytest.fixture
def page(make_page):
    return make_page()


@pytest.fixture
def sample(site):
    def load(name):
        return site.get(f"/samples/{name}").content

    return load


@pytest.fixture
def make_pinner(server, control):
    return lambda **facts: Pinner(server, control.account("pinterest", **facts))


@pytest.fixture
def pinner(make_pinner):
    return make_pinner()

"""The files around the code agree with the code."""

import re

import pytest

from config.run import ROOT
from config.run.journey import Form
from socialpublishing.platforms import PLATFORMS

LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
# Variables of our start scripts and of other programs, and old names of settings.
NOT_SETTINGS = {
    "DATABASE_POOL", "BIND", "PORT", "WEB_CONCURRENCY", "SANDBOX_PORT", "POSTGRES_PASSWORD",
    "TRUSTED_PROXIES", "PUBLISH_LANES",
}  # fmt: skip


def explained():
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.M))


def used():
    settings = (ROOT / "config/settings.py").read_text()
    names = set(re.findall(r"env(?:\.\w+)?\(\s*\"([A-Z0-9_]+)\"", settings))
    for platform in PLATFORMS.values():
        names |= {host.variable for host in platform.app.hosts.values()}
        names |= {*platform.app.client_id_variables, *platform.app.client_secret_variables}
        names |= {*platform.app.variables}
    return names


def scope_variables():
    """Explained together: each platform and login has its own."""
    return {
        name
        for platform in PLATFORMS.values()
        for each in (platform, *platform.logins.values())
        for kind in ("SCOPES", "OPTIONAL_SCOPES")
        for name in each.app.scope_variables(kind)
    }


def test_env_example_explains_every_setting():
    assert used() - explained() - NOT_SETTINGS == set()


def test_env_example_explains_nothing_that_is_not_used():
    assert explained() - used() - scope_variables() - NOT_SETTINGS == set()


def test_env_example_holds_no_secret():
    text = (ROOT / ".env.example").read_text()

    assert not re.findall(r"^#?\w*(?:SECRET|KEY|PASSWORD|ID)\w*=(?!RS256).+$", text, re.M)


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_host_and_hashes_everything(name):
    text = (ROOT / name).read_text()
    packages = re.split(r"\n(?=[a-z0-9])", text)

    assert "://" not in text
    assert all("--hash=sha256:" in package for package in packages)


@pytest.mark.parametrize("name", LOCKS)
def test_lock_has_the_versions_that_its_requirements_pin(name):
    def pins(file):
        found = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)", (ROOT / file).read_text(), re.M)
        return {(package.lower().replace("_", "-"), version) for package, version in found}

    assert pins(name.replace(".lock", ".txt")) - pins(name) == set()


def test_locks_agree_with_each_other():
    versions = {}
    for name in LOCKS:
        for package, version in re.findall(r"^([\w-]+)==(\S+)", (ROOT / name).read_text(), re.M):
            versions.setdefault(package, set()).add(version)

    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def test_form_is_sent_as_a_browser_would():
    form = Form()

    form.feed(
        "<form action='/decide' method=post><input type=hidden name=state value='a&amp;b'>"
        "<input type=radio name=account value=1><input type=radio name=account value=2 checked>"
        "<input type=checkbox name=read checked><input type=checkbox name=write>"
        "<button name=allow value=1>Allow</button><button name=deny>Deny</button></form>"
    )

    assert form.action == "/decide"
    assert form.fields == {"state": "a&b", "account": "2", "read": "on"}

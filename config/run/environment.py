"""The environment of the service: `.env`, and the addresses that follow from its ports."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import environ

from config.run import ROOT, VAR
from config.run.install import fresh_secrets
from config.run.processes import free_port, is_free


class PortError(Exception):
    """The service cannot listen where it should."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one start of the service listens, and the environment of its processes."""

    bind: str
    port: int
    sandbox_url: str  # empty: the real platforms
    sandbox_port: int | None  # None: it starts no sandbox
    environment: Mapping[str, str] = field(repr=False)

    @property
    def sandbox_file(self) -> Path:
        """What keeps the sandbox's accounts and posts: a file beside the database's, else in `var`.

        Each database has its own, because it knows those accounts and posts.
        """
        url = self.environment.get("DATABASE_URL") or "sqlite:///var/service.sqlite3"
        database = environ.Env.db_url_config(url)
        file = Path(str(database["NAME"]))
        if "sqlite" not in str(database["ENGINE"]) or not file.suffix:
            file = VAR / "service.sqlite3"
        return file.with_name(f"{file.stem}-sandbox.sqlite3")

    @property
    def url(self) -> str:
        """Its address for this machine."""
        host = "127.0.0.1" if self.bind in ("0.0.0.0", "::") else self.bind  # noqa: S104  compared only
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def demand_free_ports(self) -> None:
        """Raise PortError if a port is taken."""
        wanted = [("PORT", self.port, self.bind)]
        if self.sandbox_port:
            wanted.append(("SANDBOX_PORT", self.sandbox_port, "127.0.0.1"))
        for variable, port, host in wanted:
            if not is_free(port, host=host):
                raise PortError(
                    f"Port {port} on {host} is taken or not allowed. "
                    f"Choose another one: {variable}={port + 10} ./run up"
                )


def load_env_file() -> None:
    """Read `.env` as the settings do: a variable that is already set wins."""
    environ.Env.read_env(os.environ.get("ENV_FILE", ROOT / ".env"))


def place_of_service() -> Place:
    """Where `./run up` starts, according to the environment."""
    bind = os.environ.get("BIND") or "127.0.0.1"
    port = port_from("PORT", 8000)
    sandbox_url = os.environ.get("SANDBOX_URL", "")
    sandbox_port = None
    if not sandbox_url and not has_real_credentials(os.environ):
        sandbox_port = port_from("SANDBOX_PORT", 8001)
        sandbox_url = f"http://127.0.0.1:{sandbox_port}"
    addresses = {"SERVICE_BASE_URL": f"http://127.0.0.1:{port}"}
    return Place(
        bind=bind,
        port=port,
        sandbox_url=sandbox_url,
        sandbox_port=sandbox_port,
        environment={**addresses, **os.environ, "SANDBOX_URL": sandbox_url},
    )


def has_real_credentials(environment: Mapping[str, str]) -> bool:
    """Is the client id of an app set? Then the operator wants the real platforms."""
    import django  # slow, and seldom needed

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()  # the platforms' modules contain models and read settings
    from socialpublishing.platforms import PLATFORMS

    return any(
        environment.get(variable)
        for platform in PLATFORMS.values()
        for variable in platform.app.client_id_variables
    )


def place_of_demo(var: Path) -> Place:
    """A separate service: free ports, its own secrets, its database in a folder of `var`.

    It does not use a developer's `.env`, database or credentials: it posts to the sandbox only.
    """
    port = first_free(port_from("PORT", 8000))
    sandbox_port = first_free(port_from("SANDBOX_PORT", 8001), besides=port)
    sandbox_url = f"http://127.0.0.1:{sandbox_port}"
    others = {n: v for n, v in os.environ.items() if not n.startswith(("JWT_", "AUTH_", "AES_"))}
    return Place(
        bind="127.0.0.1",
        port=port,
        sandbox_url=sandbox_url,
        sandbox_port=sandbox_port,
        environment={
            **others,
            **fresh_secrets(),
            "ENV_FILE": os.devnull,
            "DATABASE_URL": f"sqlite:///{quote(str(var / f'demo-{port}/service.sqlite3'))}",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "SERVICE_BASE_URL": f"http://127.0.0.1:{port}",
            "SANDBOX_URL": sandbox_url,
        },
    )


def port_from(variable: str, default: int) -> int:
    value = os.environ.get(variable) or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise PortError(f"{variable}={value} is not a port.")
    return int(value)


def first_free(wanted: int, *, besides: int | None = None) -> int:
    return wanted if wanted != besides and is_free(wanted) else free_port()

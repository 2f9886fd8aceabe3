"""Starts the processes of the service and prints their addresses."""

import os
import sys
import time
from pathlib import Path
from typing import NoReturn

import requests

from config.run import ROOT
from config.run.environment import Place, place_of_service
from config.run.processes import Children, run

START_TIMEOUT_S = 60


class StartError(Exception):
    """The service did not start."""


def up() -> int:
    """Run the service until Ctrl-C."""
    place = place_of_service()
    place.demand_free_ports()
    with Children() as children:
        start(children, place)
        print(
            f"\nThe service is up; Ctrl-C ends it.\n{addresses(place)}\n{users(place)}", flush=True
        )
        children.wait_until_one_ends()
    return 0


def start(children: Children, place: Place, *, logs: Path | None = None) -> None:
    """Start all processes at `place`, with log files in `logs`; return when they respond."""
    environment = place.environment
    if run(*manage("migrate", "--verbosity", "0"), env=environment):
        raise StartError("The service does not start: see above.")
    processes = {
        "web": web_command(place.bind, place.port),
        "worker": manage("worker"),
    }
    if place.sandbox_port:
        port, file = str(place.sandbox_port), str(place.sandbox_file)
        processes = {
            "sandbox": manage("sandbox", "--port", port, "--keep-in", file),
            **processes,
        }
    for name, command in processes.items():
        log = logs / f"{name}.log" if logs else None
        children.start(name, command, env=environment, log=log)
    wait_until_it_responds(children, f"{place.url}/healthz")
    if place.sandbox_port:
        wait_until_it_responds(children, f"{place.sandbox_url}/control/posts")


def manage(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), *arguments]


def web_command(bind: str, port: int) -> list[str]:
    return manage("web", "--bind", bind, "--port", str(port))


def become(command: list[str]) -> NoReturn:
    """Replace this process by `command`: it gets the signals, and its exit code is ours."""
    sys.stdout.flush()
    os.execv(command[0], command)


def wait_until_it_responds(children: Children, url: str) -> None:
    """Wait for any response: even 400 for an unknown host name shows that it has started."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        children.raise_if_ended()
        try:
            requests.get(url, timeout=5)
        except requests.RequestException as error:
            if time.monotonic() > deadline:
                raise StartError(f"{url} does not respond after {START_TIMEOUT_S} s.") from error
            time.sleep(0.1)
        else:
            return


def addresses(place: Place) -> str:
    rows = [
        ("API", f"{place.url}/api/v1"),
        ("API docs", f"{place.url}/api/docs"),
        ("Ops console", f"{place.url}/admin/"),
    ]
    if place.sandbox_url:
        rows.append(("Sandbox", f"{place.sandbox_url}/feed  (no platform is called)"))
    return "\n".join(f"  {name:<12} {url}" for name, url in rows)


def users(place: Place) -> str:
    """How to get somebody who may use the addresses."""
    commands = [("make_ops_user mara", "makes a user of the ops console, prints the password")]
    if place.sandbox_url:
        commands.insert(0, ("dev_token alice", "prints a token of a user of the API"))
    return "\n" + "\n".join(f"  ./run manage {name:<20} {text}" for name, text in commands)

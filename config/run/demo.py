"""`./run demo`: the service, worker and sandbox on this machine, publishing posts."""

import contextlib
import datetime as dt
import shutil
import subprocess
from typing import Any

import requests

from config.run import ROOT, VAR
from config.run.environment import Place, place_of_demo
from config.run.install import one_at_a_time
from config.run.journey import Caller, JourneyError, PlannedPost, event_lines
from config.run.processes import Children
from config.run.service import StartError, addresses, manage, start

USER = "demo-user"
OPERATOR = "demo-operator"
# TikTok demands that the author chooses these: they have no defaults.
TIKTOK_OPTIONS = (
    ("privacy_level", "PUBLIC_TO_EVERYONE"),
    ("disable_comment", False),
    ("disable_duet", True),
    ("disable_stitch", True),
    ("brand_content_toggle", False),
    ("brand_organic_toggle", False),
    ("music_usage_confirmed", True),
)
PLANNED_POSTS = (
    PlannedPost(platform="twitter", text="Good morning! This post went out at once."),
    PlannedPost(platform="facebook", text="Out on the lake all morning.", file="sailboat.jpg"),
    PlannedPost(platform="instagram", text="Fresh from the oven #sourdough", file="bakery.jpg"),
    PlannedPost(platform="linkedin", text="We are hiring bakers (early risers welcome) #jobs"),
    PlannedPost(platform="pinterest", text="Mountains for the next holiday", file="mountains.jpg"),
    PlannedPost(platform="tiktok", text="Waves, all day", file="reel.mp4", options=TIKTOK_OPTIONS),
    PlannedPost(platform="twitter", text="This one was scheduled.", file="city.png", in_seconds=5),
)
PLATFORMS = tuple(dict.fromkeys(post.platform for post in PLANNED_POSTS))


def demo(*, once: bool) -> int:
    """Start, connect, publish, show; then run until Ctrl-C, or end with `once`."""
    with Children() as children:
        with one_at_a_time("demo"):  # until its ports are taken
            place = place_of_demo(VAR)
            folder = VAR / f"demo-{place.port}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            name = folder.relative_to(ROOT)
            print(f"Starting the service on an empty database in {name} …", flush=True)
            start(children, place, logs=folder)
        token = output_of(place, "dev_token", USER)
        try:
            is_correct = journey(Caller(service=place.url, sandbox=place.sandbox_url, token=token))
        except (JourneyError, requests.RequestException) as error:
            print(f"\nThe demo failed: {error}\nThe logs are in {name}.")
            return 1
        print(f"\n{addresses(place)}", flush=True)
        if not once:
            print(next_steps(place, token), flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                children.wait_until_one_ends()
    return 0 if is_correct else 1


def delay(state: dict[str, Any]) -> str:
    if not (state.get("scheduled_at") and state.get("published_at")):
        return ""
    due, done = (dt.datetime.fromisoformat(state[at]) for at in ("scheduled_at", "published_at"))
    return f", {(done - due).total_seconds():.1f} s late"


def next_steps(place: Place, token: str) -> str:
    """What to look at while the demo runs; its database and secrets are its own."""
    return f"""
Next:
  Look at the posts in the sandbox, and at the jobs in the console.
  {output_of(place, "make_ops_user", OPERATOR).replace(chr(10), f"{chr(10)}  ")}
  Call the API as {USER}:
    AUTH="Authorization: Bearer {token}"
    curl -H "$AUTH" {place.url}/api/v1/connections/
    curl -H "$AUTH" {place.url}/api/v1/publishing/jobs
  Then start your own service with ./run up: README.md, "Call it", has the first requests.

Ctrl-C ends the demo."""


def output_of(place: Place, *command: str) -> str:
    """What a command of manage.py prints."""
    done = subprocess.run(
        manage(*command), env=place.environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StartError(done.stderr)
    return done.stdout.strip()


def journey(caller: Caller) -> bool:
    """Connect, publish and print it; return whether the platforms have exactly those posts."""
    connections = {}
    for platform in PLATFORMS:
        connection = caller.connect(platform)
        connections[platform] = connection["id"]
        print(f"Connected {platform}: {connection['external_display_name']}", flush=True)

    jobs = {post: caller.publish(post, connections[post.platform]) for post in PLANNED_POSTS}
    for post, job in jobs.items():
        state = caller.wait_for(job)
        print(f"\n{post}\n  {state['status']}{delay(state)}  {state.get('post_url') or ''}")
        print(event_lines(caller.history(job)), flush=True)

    print("\nPosts on the platforms:")
    found = caller.find(PLANNED_POSTS)
    for one in found:
        verdict = "once, as sent" if one.is_correct else f"WRONG: {one.times} times"
        print(f"  {one.post}: {verdict}")
    return all(one.is_correct for one in found)

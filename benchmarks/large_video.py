"""Uploads a video of a gibibyte to a platform; the worker is killed during the upload.

    python -m benchmarks.large_video [--mebibytes 1024] [twitter facebook linkedin tiktok]

For each platform: one worker uploads the video undisturbed; another is killed (`kill -9`, with its
child processes) at a random part of the upload and started again. It prints the memory of the
worker's processes above that of an idle worker, how much was read from the source as a multiple of
the file, and the number of posts in the sandbox, which must be 1.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import secrets
import signal
import struct
import subprocess
import tempfile
import threading
import time

import requests

from benchmarks.processes import memory_mib
from benchmarks.report import Goal, verdict
from benchmarks.service import Service, wait
from config.auth.dev_tokens import sign_dev_token
from config.run.journey import Caller
from socialpublishing.platforms import PLATFORMS
from socialpublishing.posts import MediaKind
from socialpublishing.sandbox.pages import HERE as SANDBOX
from socialpublishing.tests.file_server import FileServer, Sparse

MEBIBYTE = 1024 * 1024
IDLE_S = 90  # until each background task has run once and allocated its memory


def long_video(size: int) -> Sparse:
    """A real clip of a few seconds, made large by a box that players skip."""
    clip = (SANDBOX / "samples" / "clip.mp4").read_bytes()
    rest = struct.pack(">I4sQ", 1, b"free", size - len(clip))
    return Sparse(size=size, places={0: clip, len(clip): rest})


class Gauge(threading.Thread):
    """Measures the memory of a worker."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self._peak = 0.0
        self._has_ended = False
        self.start()

    def run(self) -> None:
        while not self._has_ended:
            self._peak = max(self._peak, memory_mib(self.pid))
            time.sleep(0.1)

    def end(self) -> float:
        """Stop, and return the maximum in MiB."""
        self._has_ended = True
        return self._peak


class Bench:
    def __init__(self, service: Service, source: FileServer) -> None:
        self.service, self.source = service, source
        self.most_above = float("-inf")
        self.token = sign_dev_token("alice", lifetime=dt.timedelta(hours=12))
        self.headers = {"Authorization": f"Bearer {self.token}"}
        worker = self.service.start_worker()
        gauge = Gauge(worker.pid)
        time.sleep(IDLE_S)
        self.idle = gauge.end()
        print(f"An idle worker has {self.idle:.0f} MiB.", flush=True)
        self._stop(worker)

    def video(self, platform: str, *, kill_after: float | None) -> None:
        """Publish one; kill the worker when the part `kill_after` of the file was read."""
        worker = self.service.start_worker()
        gauges = [Gauge(worker.pid)]
        self.source.bytes_sent = 0
        started = time.monotonic()
        job = self._publish(platform)
        if kill_after is not None:
            wait(lambda: self.source.bytes_sent > kill_after * self.source.file.size)
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
            worker = self.service.start_worker()
            gauges.append(Gauge(worker.pid))
        wait(lambda: self._status(job) not in {"Pending", "Processing"})
        seconds = time.monotonic() - started
        above = max(gauge.end() for gauge in gauges) - self.idle
        self.most_above = max(self.most_above, above)
        posts = len(requests.get(self._posts_url(platform), timeout=30).json())
        how = "undisturbed" if kill_after is None else f"killed at {kill_after:.0%}"
        print(
            f"{platform:9} {how:14} {self._status(job):10} posts {posts}  {seconds:5.0f} s  "
            f"memory {above:+5.1f} MiB  "
            f"read {self.source.bytes_sent / self.source.file.size:.2f} times the file",
            flush=True,
        )
        if posts != 1:
            self._print_history(job)
        self._stop(worker)

    def _stop(self, worker: subprocess.Popen[bytes]) -> None:
        worker.send_signal(signal.SIGTERM)
        worker.wait()

    def _publish(self, platform: str) -> str:
        requests.delete(f"{self.service.sandbox_url}/control/state", timeout=10)
        caller = Caller(
            service=self.service.url, sandbox=self.service.sandbox_url, token=self.token
        )
        connection = caller.connect(platform)["id"]
        kind = next(
            kind
            for kind in PLATFORMS[platform].capabilities.post_types
            if MediaKind.VIDEO in kind.media
        )
        examples = PLATFORMS[platform].options.examples
        asset = {
            "url": f"{self.source.origin}/{secrets.token_hex(4)}.mp4",
            "asset_type": "video",
            "mime_type": "video/mp4",
        }
        body = {
            "connection_id": connection,
            "text_content": "A long one",
            "assets": [asset],
            "platform_specific_options": {
                option: examples[option] for option in kind.required_options
            },
        }
        response = requests.post(
            f"{self.service.url}/api/v1/publishing/publish",
            json=body,
            headers=self.headers,
            timeout=30,
        )
        if response.status_code != 202:
            raise SystemExit(response.text)
        return str(response.json()["job_id"])

    def _status(self, job: str) -> str:
        url = f"{self.service.url}/api/v1/publishing/jobs/{job}/status"
        return str(requests.get(url, headers=self.headers, timeout=30).json()["status"])

    def _print_history(self, job: str) -> None:
        url = f"{self.service.url}/api/v1/publishing/jobs/{job}/events"
        for event in requests.get(url, headers=self.headers, timeout=30).json():
            print("   ", event["at"], event["to_status"], event["code"], event["note"])

    def _posts_url(self, platform: str) -> str:
        return f"{self.service.sandbox_url}/control/posts?platform={platform}"


def largest(platform: str, size: int) -> int:
    """`size`, or the platform's limit if that is less."""
    limits = [
        kind.media[MediaKind.VIDEO].max_bytes
        for kind in PLATFORMS[platform].capabilities.post_types
        if MediaKind.VIDEO in kind.media
    ]
    return min(size, limits[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("platforms", nargs="*", default=[])
    parser.add_argument("--mebibytes", type=int, default=1024)
    options = parser.parse_args()
    known = [name for name in ("twitter", "facebook", "linkedin", "tiktok") if name in PLATFORMS]
    source = FileServer()
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{folder}/service.sqlite3"
        service = Service(database, MEDIA_ALLOWED_ORIGINS=source.origin)
        try:
            service.start_all()
            bench = Bench(service, source)
            for platform in options.platforms or known:
                source.file = long_video(largest(platform, options.mebibytes * MEBIBYTE))
                bench.video(platform, kill_after=None)
                bench.video(platform, kill_after=random.uniform(0.2, 0.8))
            what = "memory of an upload above idle"
            print(verdict(Goal(what=what, figure=bench.most_above, at_most=64, unit="MiB")))
        finally:
            service.stop()


if __name__ == "__main__":
    main()

"""How long it takes to count 100,000 characters of hostile text, compared with plain text.

python -m benchmarks.text
"""

from __future__ import annotations

import time

from socialpublishing.text import weighted_length

LENGTH = 100_000
TIMES = 5  # the fastest run counts
PLAIN = "The quick brown fox jumps over the lazy dog. "
HOSTILE = {
    "plain text": PLAIN,
    "short links": "a.co ",
    "links in capitals": "A.CO ",
    "links with paths": "a.co/x?y=1 ",
    "links with schemes": "https://a.co ",
    "schemes without links": "http://",
    "hosts without an end": "a.b.",
    "top-level domains in a row": "co.",
    "unknown top-level domains": "ab.zq ",
    "internationalised links": "a.中国 ",
    "a script without spaces": "漢字。",
    "families of emoji": "👨‍👩‍👧",
    "stacked combining marks": "a" + "\u0301" * 200,
    "brackets": "a.co/((",
}


def seconds(text: str) -> float:
    best = float("inf")
    for _ in range(TIMES):
        start = time.perf_counter()
        weighted_length(text)
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    plain = seconds((PLAIN * LENGTH)[:LENGTH])
    for name, piece in HOSTILE.items():
        took = seconds((piece * LENGTH)[:LENGTH])
        print(f"{name:28} {1000 * took:6.0f} ms  {took / plain:5.1f} times plain text")


if __name__ == "__main__":
    main()

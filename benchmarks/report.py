"""How studies write their results: Markdown tables, and their sections in docs/."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a benchmark has to show. One of the limits is set."""

    what: str
    figure: float
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""

    def cells(self) -> list[str]:
        least, unit = self.at_least is not None, f" {self.unit}" if self.unit else ""
        limit = self.at_least if self.at_least is not None else self.at_most or 0.0
        excess = self.figure - limit if least else limit - self.figure
        verdict = "met" if excess >= 0 else f"missed by {-excess:.3g}{unit}"
        sign = "≥" if least else "≤"
        return [self.what, f"{sign} {limit:g}{unit}", f"{self.figure:.3g}{unit}", verdict]


def verdict(*goals: Goal) -> str:
    return table(["what", "goal", "figure", "verdict"], (goal.cells() for goal in goals))


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a `share` that was observed in `count` independent cases."""
    if not count:
        return 0.0, 1.0
    z = 1.96
    middle = (share + z * z / 2 / count) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + (z / 2 / count) ** 2)
    return max(0.0, middle - half), min(1.0, middle + half)


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def interval(share: float, count: int) -> str:
    if not count:
        return "-"
    low, high = wilson(share, count)
    return f"{percent(share)} ({100 * low:.0f} to {100 * high:.0f})"


def write(page: str, name: str, text: str) -> None:
    """Replace the text between the two comments of section `name` in a page of docs/."""
    path = DOCS / page
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = path.read_text().split(begin)
    _, after = rest.split(end)
    path.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}")

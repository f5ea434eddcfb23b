"""Figures beside their goals, as the sections of `bench_transformers.py` print them."""

from typing import NamedTuple


class Goal(NamedTuple):
    """A bound that a figure should keep."""

    bound: float
    is_least: bool = False

    def verdict(self, value):
        """How the figure compares, in words."""
        sign = ">=" if self.is_least else "<="
        kept = value >= self.bound if self.is_least else value <= self.bound
        return f"goal {sign} {self.bound:g}" + ("" if kept else ", missed")


def report(name, value, goal=None):
    """Print a figure beside its goal; return what the JSON file keeps of it."""
    verdict = goal.verdict(value) if goal else ""
    print(f"{name:>58} {value:8.3f}   {verdict}".rstrip(), flush=True)
    return {"name": name, "value": value, "goal": goal and goal.bound}

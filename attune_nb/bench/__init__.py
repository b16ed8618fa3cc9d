"""Measurements of the costs of a context and a fan-out, which anyone can repeat."""

from __future__ import annotations

from attune_nb.bench.clone import clone
from attune_nb.bench.crossing import crossing
from attune_nb.bench.fanout import fanout
from attune_nb.bench.peers import PEERS
from attune_nb.bench.presets import run_benchmark
from attune_nb.bench.strategies import STRATEGIES

__all__ = ["PEERS", "STRATEGIES", "clone", "crossing", "fanout", "run_benchmark"]

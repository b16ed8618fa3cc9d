"""Measurements that anyone can make again: what a context costs, and what a fan-out does."""

from __future__ import annotations

from attune_nb.bench.clone import clone
from attune_nb.bench.crossing import crossing
from attune_nb.bench.fanout import fanout
from attune_nb.bench.peers import PEERS
from attune_nb.bench.presets import charted
from attune_nb.bench.strategies import STRATEGIES

__all__ = ["PEERS", "STRATEGIES", "charted", "clone", "crossing", "fanout"]

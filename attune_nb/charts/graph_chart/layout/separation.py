"""Separation: positions in a row that keep their distances, near to where each should be.

This is an isotonic regression, solved by pooling adjacent violators, after Ayer, Brunk, Ewing,
Reid and Silverman, An Empirical Distribution Function for Sampling with Incomplete Information,
1955.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["separate"]


def separate(
    wishes: Sequence[float], weights: Sequence[float], gaps: Sequence[float]
) -> list[float]:
    """Return ascending positions that keep their gaps, as near to the wishes as they allow.

    The weighted sum of squares of the distances to the wishes is the least possible. Positions
    that would come too near to each other move as one block, to the mean of their wishes.

    Args:
        wishes: The position that each would take alone.
        weights: The weight of each wish, above 0.
        gaps: The least distance between each and the next; one fewer than wishes.
    """
    offsets = list(itertools.accumulate(gaps, initial=0.0))

    # the mean, the weight and the size of each block
    blocks: list[tuple[float, float, int]] = []
    for index, wish in enumerate(wishes):
        mean = wish - offsets[index]
        weight = weights[index]
        size = 1
        while blocks and blocks[-1][0] > mean:
            pooled_mean, pooled_weight, pooled_size = blocks.pop()
            total = pooled_weight + weight
            mean = (pooled_mean * pooled_weight + mean * weight) / total
            weight = total
            size += pooled_size
        blocks.append((mean, weight, size))

    means: list[float] = []
    for mean, _, size in blocks:
        means += [mean] * size
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]

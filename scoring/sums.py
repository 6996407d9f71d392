"""Sums by integer code, and quotients of sums that may be empty."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]


def tally(codes: Codes | Places, values: Floats, size: int) -> Floats:
    """Σ values over the entries of every code (size,), added in the order of the entries."""
    return np.asarray(np.bincount(codes, values, minlength=size), dtype=np.float64)


def ratio(numerator: Floats, denominator: Floats, empty: float = 0.0) -> Floats:
    """numerator/denominator, ``empty`` where the denominator is not positive."""
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), empty)
    return np.asarray(np.divide(numerator, denominator, out=out, where=denominator > 0))


def changes(codes: Codes) -> Flags:
    """Entries (entries,) whose code is not the one before; the first always is."""
    return np.asarray(np.insert(codes[1:] != codes[:-1], 0, True))

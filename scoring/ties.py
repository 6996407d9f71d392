"""What ties two scores together, kept small: enough to say later how sure the difference of any two reps is.

Off its diagonal the covariance of the scores is of low rank (slopes, territories and the common mean are estimated once
for all) but for the customers two reps share. Both parts are kept, and never all pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scoring.sums import Floats

if TYPE_CHECKING:
    from scoring.uncertainty import ScoreCovariance

_NEGLIGIBLE = 1e-9
"""A part of the covariance this small beside the largest is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """Cov(a) off its diagonal, in squared points: loadings·diag(signs)·loadings' and, for reps with customers in
    common, what these add.

    ``reps`` are the names, sorted; ``loadings`` (reps, parts), ``signs`` (parts,); ``one`` < ``other`` (pairs,) are
    places in ``reps`` and ``shared`` (pairs,) the addition.
    """

    reps: tuple[str, ...]
    loadings: NDArray[np.float32]
    signs: NDArray[np.int8]
    one: NDArray[np.int32]
    other: NDArray[np.int32]
    shared: Floats

    @classmethod
    def of(cls, covariance: ScoreCovariance, rows: NDArray[np.int64], reps: tuple[str, ...]) -> Ties:
        """The ties among some rows of the covariance, whose names are ``reps``."""
        factors, middle, pairs = covariance.factors(rows)
        basis, triangle = np.linalg.qr(factors)
        values, vectors = np.linalg.eigh(triangle @ middle @ triangle.T)
        kept = np.abs(values) > _NEGLIGIBLE * np.abs(values).max(initial=0.0)
        upper = pairs.row < pairs.col
        return cls(
            reps=reps,
            loadings=np.asarray(basis @ vectors[:, kept] * np.sqrt(np.abs(values[kept])), dtype=np.float32),
            signs=np.sign(values[kept]).astype(np.int8),
            one=pairs.row[upper].astype(np.int32), other=pairs.col[upper].astype(np.int32), shared=pairs.data[upper],
        )  # fmt: skip

    def between(self, one: str, other: str) -> float | None:
        """The covariance of two reps' scores; None when either is not among them."""
        try:
            first, second = sorted((self.reps.index(one), self.reps.index(other)))
        except ValueError:
            return None
        common = float((self.loadings[first].astype(float) * self.signs) @ self.loadings[second].astype(float))
        return common + float(self.shared[(self.one == first) & (self.other == second)].sum())

    def packed(self) -> bytes:
        """As bytes that hold arrays and no objects."""
        buffer = BytesIO()
        np.savez_compressed(
            buffer, reps=np.array(self.reps, dtype=str), loadings=self.loadings, signs=self.signs, one=self.one,
            other=self.other, shared=self.shared,
        )  # fmt: skip
        return buffer.getvalue()

    @classmethod
    def unpacked(cls, content: bytes) -> Ties:
        """What `packed` made."""
        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            return cls(
                reps=tuple(arrays["reps"].tolist()), loadings=arrays["loadings"], signs=arrays["signs"],
                one=arrays["one"], other=arrays["other"], shared=arrays["shared"],
            )  # fmt: skip

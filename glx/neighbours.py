"""Nearest neighbours by FAISS, the same on a CPU and on a GPU.

In: vectors, then queries. Out: rows of the vectors, nearest first.
"""

from typing import Any

import numpy as np

from glx.errors import OutsideError

SPARE = 16  # candidates beyond what is asked for, since devices order nearly equal ones otherwise


class Neighbours:
    """Exact search among `<float32>[M, D]` vectors by inner product, on the GPU that FAISS finds.

    FAISS finds candidates; which are nearest is computed again, alike on all devices. Of equally
    near ones the first row comes first, as in `glx.generallog.nearest`.

    Raises:
      OutsideError: FAISS is not installed.
    """

    def __init__(self, vectors: np.ndarray):
        self.vectors = vectors
        unlike, of = np.unique(vectors, axis=0, return_inverse=True)
        order = np.argsort(of.ravel(), kind="stable")
        self.alike = np.split(order, np.cumsum(np.bincount(of.ravel()))[:-1])
        self.index = _index(np.ascontiguousarray(unlike, dtype=np.float32))

    def search(self, queries: np.ndarray, k: int) -> np.ndarray:
        """The rows of the `k` nearest of each query, at most of all vectors.

        Args:
          queries: `<float32>[Q, D]`.

        Returns:
          `<int64>[Q, min(k, M)]`.
        """
        k = min(k, len(self.vectors))
        _, found = self.index.search(queries, min(k + SPARE, self.index.ntotal))
        rows = [self._nearest(*one, k) for one in zip(queries, found.tolist(), strict=True)]
        return np.array(rows, dtype=np.int64).reshape(-1, k)

    def _nearest(self, query: np.ndarray, found: list[int], k: int) -> np.ndarray:
        rows = np.concatenate([self.alike[one] for one in found])
        product = (self.vectors[rows] * query).sum(axis=1)
        return rows[np.lexsort((rows, -product))[:k]]


def _index(vectors: np.ndarray) -> Any:
    try:
        import faiss
    except ImportError as e:
        raise OutsideError(
            f"FAISS cannot be loaded ({e}); install glx with the extra faiss-cpu, or faiss-gpu "
            "where there is an NVIDIA GPU, never both"
        ) from e
    index: Any = faiss.IndexFlatIP(vectors.shape[1])
    if hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0:
        index = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
    index.add(vectors)
    return index

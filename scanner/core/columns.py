"""Types of numpy columns: one name for each element type, all one-dimensional unless a docstring says otherwise.

`Indices` and `WaveIndices` are positions, not values: `Indices` (intp) is what numpy itself returns and takes,
`WaveIndices` (int32) is half its size and numbers the endpoints of one wave.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

U8: TypeAlias = npt.NDArray[np.uint8]
U16: TypeAlias = npt.NDArray[np.uint16]
U32: TypeAlias = npt.NDArray[np.uint32]
U64: TypeAlias = npt.NDArray[np.uint64]
I32: TypeAlias = npt.NDArray[np.int32]
I64: TypeAlias = npt.NDArray[np.int64]
F32: TypeAlias = npt.NDArray[np.float32]
F64: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Indices: TypeAlias = npt.NDArray[np.intp]
WaveIndices: TypeAlias = npt.NDArray[np.int32]

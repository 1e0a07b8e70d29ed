"""Writes tests/data/files: what NumPy and Python's safetensors write, for the readers. Needs numpy and safetensors; made
with 2.4 and 0.8. Every array counts 0, 1, 2 … in its own dtype; bools alternate.
"""

import pathlib

import numpy as np
from safetensors.numpy import save_file

folder = pathlib.Path(__file__).with_name("files")
folder.mkdir(exist_ok=True)


def counting(shape, dtype):
    n = np.arange(int(np.prod(shape)))
    return (n % 2 == 1 if dtype == "bool" else n.astype(dtype)).reshape(shape)


arrays = {
    "float32": counting((2, 3), "float32"),
    "float64": counting((4,), "float64"),
    "float16": counting((2, 2), "float16"),
    "int64": counting((), "int64"),
    "int32": counting((3, 1), "int32"),
    "uint8": counting((5,), "uint8"),
    "bool": counting((2, 2), "bool"),
    "empty": counting((0, 3), "float32"),
}
np.save(folder / "fortran.npy", np.asfortranarray(counting((2, 3, 4), "float32")))
np.savez(folder / "stored.npz", **arrays)
np.savez_compressed(folder / "packed.npz", **arrays)
save_file(arrays, folder / "python.safetensors", metadata={"made by": "safetensors"})

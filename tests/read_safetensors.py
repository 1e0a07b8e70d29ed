"""Reads a safetensors file with Python's own library alone: prints its metadata and tensors, and checks its checksum.

The checksum is the CRC-32 of, for each tensor by name, its name, dtype and shape, each with a zero byte behind, and its
elements; then of each key and value of the other metadata by key, each with a zero byte behind.
"""

import json
import struct
import sys
import zlib

data = open(sys.argv[1], "rb").read()
(length,) = struct.unpack("<Q", data[:8])
assert length % 8 == 0, "elements are not aligned"
header = json.loads(data[8 : 8 + length])
metadata = header.pop("__metadata__")
checksum, crc, end = metadata.pop("checksum"), 0, 0
for name, entry in header.items():  # they lie one behind the other
    assert entry["data_offsets"][0] == end, f"{name} does not begin at {end}"
    end = entry["data_offsets"][1]
assert 8 + length + end == len(data), "bytes are left over"
for name, entry in sorted(header.items()):
    begin, end = entry["data_offsets"]
    elements = data[8 + length + begin : 8 + length + end]
    shape = "(" + ",".join(map(str, entry["shape"])) + ")"
    crc = zlib.crc32(b"".join(s.encode() + b"\0" for s in (name, entry["dtype"], shape)) + elements, crc)
    print(name, entry["dtype"], shape, elements.hex())
for key, value in sorted(metadata.items()):
    crc = zlib.crc32(f"{key}\0{value}\0".encode(), crc)
    print(key, "=", value)
assert checksum == f"crc32:{crc:08x}", f"{checksum} is not {crc:08x}"

#!/usr/bin/env python3
# Writes fuzz/: small files of every format that gradus reads, whole (their names begin with "good") and damaged, from
# which tests/fuzz_test.cpp sets out.
import gzip
import io
import json
import os
import struct

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fuzz")


def write(kind, name, data):
    os.makedirs(os.path.join(HERE, kind), exist_ok=True)
    with open(os.path.join(HERE, kind, name), "wb") as file:
        file.write(data)


def packed(data):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as file:
        file.write(data)
    return out.getvalue()


def idx(extents, elements, kind=8):
    return bytes([0, 0, kind, len(extents)]) + b"".join(struct.pack(">I", e) for e in extents) + bytes(elements)


images = idx([2, 3, 3], range(18))
write("idx", "good_images", images)
write("idx", "good_labels", idx([5], [0, 9, 3, 2, 1]))
write("idx", "good_empty", idx([0, 28, 28], []))
write("idx", "good_packed.gz", packed(images))
write("idx", "good_two_members.gz", packed(images[:11]) + packed(images[11:]))
write("idx", "no_bytes", b"")
write("idx", "header_only", images[:16])
write("idx", "cut", images[:-1])
write("idx", "too_long", images + b"\0")
write("idx", "huge_product", idx([0xFFFFFFFF] * 8, [1, 2]))
write("idx", "huge_vector", idx([0x7FFFFFFF], [1, 2]))
write("idx", "zero_times_huge", idx([0, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF], []))
write("idx", "rank_255", bytes([0, 0, 8, 255]) + b"\0\0\0\1" * 255)
write("idx", "floats", idx([2], range(8), kind=13))
write("idx", "flipped_checksum.gz", packed(images)[:-8] + b"\0\0\0\0" + packed(images)[-4:])
write("idx", "cut.gz", packed(images)[:-9])
write("idx", "bomb.gz", packed(idx([1 << 20], bytes(3 << 20))))
write("idx", "gzip_header_only.gz", packed(images)[:10])

lines = b'{"text": "a fine day", "label": "good"}\n\n{"label": "10", "text": "caf\\u00e9, not bad"}\r\n'
write("jsonl", "good_labels", lines)
write("jsonl", "good_numbers", b'{"text": "x y", "label": 3}\n{"text": "", "label": -1}')
write("jsonl", "good_two_answers", b'{"text": "x", "label": ["a", 1]}\n{"text": "y", "label": ["b", 1]}\n')
write("jsonl", "good_no_labels", b'{"text": "x", "more": {"a": 1}}\n')
write("jsonl", "good_packed.gz", packed(lines))
write("jsonl", "no_bytes", b"")
write("jsonl", "cut", lines[:-9])
write("jsonl", "no_text", b'{"label": 1}\n')
write("jsonl", "label_missing", lines + b'{"text": "x"}\n')
write("jsonl", "three_answers", b'{"text": "x", "label": [1, 2, 3]}\n')
write("jsonl", "deep", b'{"text": ' + b"[" * 4000 + b"\n")
write("jsonl", "latin1", b'{"text": "caf\xe9"}\n')

table = b"x,y,label\n1,2.5,0\n-3e2, +4 ,1\n\n0.125,1e-3,2\r\n"
write("csv", "good_header", table)
write("csv", "good_plain", b"1,2\n3,4\n")
write("csv", "good_two_numbers", b"7,1")
write("csv", "one_column", b"7\n1\n")
write("csv", "good_packed.gz", packed(table))
write("csv", "no_bytes", b"")
write("csv", "header_only", b"a,b,c\n")
write("csv", "ragged", b"1,2,3\n4,5\n")
write("csv", "not_finite", b"1,nan\n2,inf\n")
write("csv", "too_large_a_number", b"1,1e999\n")
write("csv", "quoted", b'"1","2"\n3,4\n')
write("csv", "zero_bytes", bytes(64))
write("csv", "latin1", b"gr\xf6\xdfe,b\n1,\xe9\n")
write("csv", "commas", b"," * 500)
write("csv", "returns", b"1\r2\r3\r")
write("csv", "cut.gz", packed(table)[:-9])
write("csv", "bomb.gz", packed(b"1," * 200000 + b"1\n"))


def vectors(*entries):
    return json.dumps({"format": "gradus-vectors-1", "vectors": list(entries)}, separators=(",", ":")).encode()


def floats(*values):
    return {"shape": [len(values)], "dtype": "float64", "data": list(values)}


mse = {"id": "mse/1", "op": "mse_loss", "inputs": {"input": floats(1, 2), "target": floats(0, 4)},
       "params": {"reduction": "mean"}, "expected": {"value": 2.5, "grad": {"input": floats(1, -2)}}}
labels = {"shape": [2], "dtype": "int64", "data": [1, 0]}
logits = {"shape": [2, 2], "dtype": "float64", "data": [0.5, -1, "inf", 2]}
cross = {"id": "ce/1", "op": "cross_entropy", "inputs": {"input": logits, "target": labels},
         "params": {"label_smoothing": 0.1, "ignore_index": -100, "reduction": "sum"},
         "tolerance": {"rtol": 1e-9, "atol": 1e-11}, "float32": None, "expected": {"error": "DomainError"}}
clip = {"id": "clip/1", "op": "clip_grad_norm", "inputs": {"a": floats(3, 4)}, "params": {"max_norm": 1},
        "expected": {"value": 5, "clipped": {"a": floats(0.6, 0.8)}}}
write("json", "good_mse", vectors(mse))
write("json", "good_three", vectors(mse, cross, clip))
write("json", "good_none", vectors())
write("json", "no_bytes", b"")
write("json", "cut", vectors(mse)[:-2])
write("json", "other_format", vectors(mse).replace(b"vectors-1", b"vectors-2"))
write("json", "format_is_a_number", b'{"format": 3, "vectors": []}')
write("json", "list", b"[1, 2, 3]")
write("json", "latin1", b'{"format": "gr\xf6\xdfe"}')
write("json", "null_vectors", b'{"format": "gradus-vectors-1", "vectors": [null, 1, "x", [], {}]}')
for name, shape in {"huge": [1 << 32, 1 << 32], "negative": [-1, -2], "many": [1] * 40, "overflow": [1 << 62, 4, 0]}.items():
    broken = json.loads(json.dumps(mse))
    broken["inputs"]["input"]["shape"] = shape
    write("json", "shape_" + name, vectors(broken))
deep = json.loads(json.dumps(mse))
deep["inputs"]["input"]["data"] = ["DEEP", 1]
write("json", "deep", vectors(deep).replace(b'"DEEP"', b"[" * 100000 + b"]" * 100000))
write("json", "deep_only", b"[" * 100000)
write("json", "unknown_op", vectors(dict(mse, op="mse")))
write("json", "unknown_input", vectors(dict(mse, inputs={"x": floats(1)})))
write("json", "wrong_kinds", vectors(dict(mse, params=[1], expected={"value": "many"})))

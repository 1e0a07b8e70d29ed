#!/usr/bin/env python3
"""Counts what the kernels of a CUDA module do to memory, from its machine code: no disassembler is needed.

usage: cubin_census.py FILE        of a shared library, an object file or a cubin: a line a kernel
       cubin_census.py --plant NVCC  compiles kernels whose accesses are known, and looks whether they are found

Since Volta an instruction is 16 bytes: bits 0 to 8 hold the opcode, and of an access to memory bits 73 to 75 the width.
It fails where the kernel of a Map or a Fold touches local memory, which is registers that spill and arrays that no
register holds, where the kernel of a Map has no 16-byte accesses, and where the host can launch a kernel of a loss of which the device has no code: nvcc reads a source
twice, and what only the host's reading instantiates is missed by nobody before its first launch.
"""
import collections
import ctypes
import ctypes.util
import os
import re
import struct
import subprocess
import sys
import tempfile

ACCESSES = {0x181: "LDG", 0x186: "STG", 0x184: "LDS", 0x188: "STS", 0x183: "LDL", 0x187: "STL", 0x180: "LD", 0x185: "ST"}
BITS = {0: 8, 1: 8, 2: 16, 3: 16, 4: 32, 5: 64, 6: 128}
ELF, FATBIN, ZSTD = b"\x7fELF", b"\x50\xed\x55\xba", b"\x28\xb5\x2f\xfd"
OF_CUDA = 190  # e_machine
OF_LOSSES = r"(map|fold\w*|block)<gradus::"  # kernels by name; those of tensors' ops lie in unnamed namespaces
ANGLES = {"VonMisesNll"}  # the toolkit's cos() and sin() reduce a large angle with an array in local memory


class Unreadable(Exception):
    pass


def unpacked(data, size):
    """What zstd made of `size` bytes."""
    name = ctypes.util.find_library("zstd")
    if not name:
        raise Unreadable("the kernels are compressed and there is no libzstd; install libzstd1")
    zstd, out = ctypes.CDLL(name), ctypes.create_string_buffer(size)
    zstd.ZSTD_decompress.restype = ctypes.c_size_t
    zstd.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    if zstd.ZSTD_decompress(out, size, data, len(data)) != size:
        raise Unreadable("the kernels are compressed in a way that libzstd does not know; build with --compress-mode=size")
    return out.raw


def cubins(data):
    """The cubins in a file: itself, or those in its fatbins, whose entries are a header and an ELF, perhaps compressed."""
    if data[:4] == ELF and struct.unpack_from("<H", data, 18)[0] == OF_CUDA:
        yield data
        return
    for found in re.finditer(re.escape(FATBIN), data):
        version, header, size = struct.unpack_from("<HHQ", data, found.start() + 4)
        if version != 1 or header != 16 or found.start() + header + size > len(data):
            continue  # the magic by chance
        at, end = found.start() + header, found.start() + header + size
        while at < end:
            kind, _, header, size, packed = struct.unpack_from("<HHIQI", data, at)
            if kind == 2:
                whole, = struct.unpack_from("<Q", data, at + 56)
                entry = data[at + header:at + header + size]
                yield unpacked(entry[:packed], whole) if entry[:4] == ZSTD else entry
            at += header + size


def kernels(cubin):
    """(mangled name, its instructions) of an ELF's .text sections."""
    if cubin[:4] != ELF:
        raise Unreadable("a fatbin holds no ELF where its header says so; the toolkit may write another form")
    table, = struct.unpack_from("<Q", cubin, 0x28)
    each, count, names = struct.unpack_from("<HHH", cubin, 0x3A)
    sections = [struct.unpack_from("<IIQQQQ", cubin, table + i * each) for i in range(count)]
    for name, _, _, _, offset, size in sections:
        begin = sections[names][4] + name
        text = cubin[begin:cubin.index(b"\0", begin)].decode()
        if text.startswith(".text."):
            yield text[len(".text."):], cubin[offset:offset + size]


def census(code):
    """How many accesses of each kind and width: {("LDG", 128): 2}."""
    found = collections.Counter()
    for low, high in struct.iter_unpack("<QQ", code[:len(code) // 16 * 16]):
        access = ACCESSES.get(low & 0x1FF)
        if access:
            found[access, BITS.get(high >> 9 & 7, 0)] += 1
    return found


def all_of(path):
    """{readable name: census} of a file's kernels."""
    with open(path, "rb") as file:
        found = {name: census(code) for cubin in cubins(file.read()) for name, code in kernels(cubin)}
    readable = subprocess.run(["c++filt"], input="\n".join(found), capture_output=True, text=True, check=True).stdout.splitlines()
    return {short(name): counts for name, counts in zip(readable, found.values())}


def launched(path):
    """The kernels of losses that the host's code can launch: each has a function of its name there."""
    symbols = subprocess.run(["nm", "-C", path], capture_output=True, text=True).stdout  # of a cubin: none
    return {short(m[1]) for m in re.finditer(r"^\S* +[tTwW] (void gradus::cuda_kernels::" + OF_LOSSES + ".*)", symbols, re.M)}


def short(name):
    """map<Huber, float>"""
    name = re.sub(r"^void | \[clone .*$|\((?!anonymous namespace\)).*$", "", name)
    return re.sub(r"gradus::(cuda_kernels::)?|\(anonymous namespace\)::", "", name)


def is_local(counts):
    return any(access in ("LDL", "STL") for access, _ in counts)


def report(path):
    found = all_of(path)
    if not found:
        print(f"{path} holds no kernel; build the target gradus_cuda")
        return 1
    for name, counts in sorted(found.items()):
        print(f"{name}: " + " ".join(f"{access}.{bits} {n}" for (access, bits), n in sorted(counts.items())))
    expected = launched(path)
    maps = [name for name in found if name.startswith("map<")]
    wide = [name for name in maps if ("LDG", 128) in found[name] and ("STG", 128) in found[name]]
    print(f"{len(found)} kernels, {len(expected)} of losses; 16-byte loads and stores in {len(wide)} of {len(maps)} Maps")
    absent = sorted(expected - found.keys())
    for name in absent:
        print(f"{name} is launched and has no code for the device; look what keeps nvcc's second reading from instantiating it")
    local = [name for name in sorted(found) if re.match("map<|fold", name) and is_local(found[name]) and not re.search(r"<(\w+)", name)[1] in ANGLES]
    for name in local:
        print(f"{name} touches local memory; keep its arrays small and their indices constant")
    narrow = sorted(set(maps) - set(wide))
    for name in narrow:
        print(f"{name} has no 16-byte loads or stores; take neighbours together")
    return 1 if absent or local or narrow else 0


PLANTED = """
#include <cstdint>
extern "C" __global__ void plain(const float* x, float* y) { y[threadIdx.x] = 2 * x[threadIdx.x]; }
extern "C" __global__ void wide(const float4* x, float4* y) { y[threadIdx.x] = x[threadIdx.x + 1]; }
extern "C" __global__ void middle(const double* x, double* y) { y[threadIdx.x] = x[threadIdx.x + 1]; }
extern "C" __global__ void local(const int* x, float* y) {
  float kept[64];
  for (int i = 0; i < 64; ++i) kept[i] = y[i];
  for (int i = 0; i < 64; ++i) kept[x[i] & 63] += kept[i];
  y[0] = kept[x[64] & 63];
}
extern "C" __global__ void shared(float* y) {
  __shared__ float all[32];
  all[threadIdx.x] = y[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = all[31 - threadIdx.x];
}
namespace gradus {
struct Planted {};
namespace cuda_kernels {
template <class L, class F> __global__ void map(F* x) { *x = 1; }
#ifndef __CUDA_ARCH__  // the host alone
void (*missed)(float*) = map<Planted, float>;
#endif
void (*seen)(double*) = map<Planted, double>;
}  // namespace cuda_kernels
}  // namespace gradus
"""


def plant(nvcc):
    """Every form of file and compression tells of the planted kernels what their PTX says."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "planted.cu")
        with open(source, "w") as file:
            file.write(PLANTED)

        def compiled(suffix, *options):
            out = os.path.join(folder, "planted" + suffix)
            subprocess.run([nvcc, "-O3", *options, source, "-o", out], check=True)
            return out

        with open(compiled(".ptx", "-arch=compute_90", "-ptx")) as file:
            ptx = {m[1]: m[2] for m in re.finditer(r"\.entry (\w+)\((.*?)\n}", file.read(), re.S)}
        for path in (compiled(".cubin", "-arch=sm_90", "-cubin"),
                     compiled("_size.o", "-gencode=arch=compute_90,code=sm_90", "--compress-mode=size", "-c"),
                     compiled("_none.o", "-gencode=arch=compute_90,code=sm_90", "--compress-mode=none", "-c")):
            found = all_of(path)
            for name, access, bits, spelling in (("plain", "LDG", 32, "ld.global.f32|ld.global.b32"),
                                                 ("wide", "LDG", 128, "ld.global.v4"), ("wide", "STG", 128, "st.global.v4"),
                                                 ("middle", "LDG", 64, "ld.global.f64|ld.global.b64"),
                                                 ("local", "LDL", 32, r"ld.local|\.local "), ("local", "STL", None, r"st.local|\.local "),
                                                 ("shared", "LDS", 32, "ld.shared"), ("shared", "STS", 32, "st.shared")):
                there = any(a == access and (bits is None or b == bits) for a, b in found.get(name, ()))
                if not there or not re.search(spelling, ptx.get(name, "")):
                    print(f"{os.path.basename(path)}: {name} has no {access}.{bits}: {dict(found.get(name, {}))}")
                    wrong = 1
            if path.endswith(".o") and launched(path) - found.keys() != {"map<Planted, float>"}:
                print(f"{os.path.basename(path)}: the host launches {launched(path)} and the device has {sorted(found)}")
                wrong = 1
            for name, counts in found.items():
                if is_local(counts) != (name == "local") or (("LDG", 128) in counts) != (name == "wide"):
                    print(f"{os.path.basename(path)}: {name} is taken for what it is not: {dict(counts)}")
                    wrong = 1
    return wrong


if __name__ == "__main__":
    try:
        sys.exit(plant(sys.argv[2]) if sys.argv[1:2] == ["--plant"] else report(sys.argv[1]))
    except Unreadable as reason:
        print(reason)
        sys.exit(77 if "there is no libzstd" in str(reason) else 1)

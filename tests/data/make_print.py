#!/usr/bin/env python3
# Writes print.json: tensors, and how NumPy lays out their elements.  NumPy has no bfloat16: its digits are found here
# with exact fractions, and NumPy lays them out.
import json
import math
import os
import struct
from fractions import Fraction

import numpy as np

WIDTH = 75
IMPLIED = ("float32", "int64", "bool")


def bfloat16_value(bits):
    return struct.unpack("<f", struct.pack("<I", bits << 16))[0]


def shortest_digits(x):  # of the bfloat16 x > 0: an integer of decimal digits, and the power of ten of its last
    bits = struct.unpack("<I", struct.pack("<f", x))[0] >> 16
    here, below, above = (Fraction(bfloat16_value(b)) for b in (bits, bits - 1, bits + 1))
    low, high, even = (below + here) / 2, (here + above) / 2, bits % 2 == 0
    for digits in range(1, 12):
        e = math.floor(math.log10(here)) - digits + 1
        scaled = here / Fraction(10) ** e
        inside = [n for n in (math.floor(scaled), math.floor(scaled) + 1)
                  if low < n * Fraction(10) ** e < high or (even and n * Fraction(10) ** e in (low, high))]
        if inside:
            return min(inside, key=lambda n: (abs(n - scaled), n % 2)), e
    raise AssertionError(x)


def rounded_digits(x, e):  # x to the power of ten e, ties to even
    scaled = Fraction(x) / Fraction(10) ** e
    return round(scaled), e


def scientific(x, precision, unique, trim, sign, min_digits=0, pad_left=0, exp_digits=-1):
    magnitude, minus = abs(x), "-" if math.copysign(1, x) < 0 else ""
    n, e = shortest_digits(magnitude) if magnitude else (0, 0)
    if magnitude:
        exponent = e + len(str(n)) - 1
        places = len(str(n)) - 1
        if places > precision or places < (min_digits or 0):
            n, e = rounded_digits(magnitude, exponent - (precision if places > precision else min_digits))
        exponent = e + len(str(n)) - 1
    else:
        exponent = 0
    text = str(n)
    fraction = text[1:].rstrip("0") if trim == "." else text[1:].ljust(min_digits or 0, "0")
    digits = max(2, exp_digits)
    return f"{minus}{text[0]}.{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):0{digits}d}".rjust(
        pad_left + 1 + len(fraction) + 2 + digits)


def positional(x, precision, unique, fractional, trim, sign, min_digits=0, pad_left=0, pad_right=0):
    magnitude, minus = abs(x), "-" if math.copysign(1, x) < 0 else ""
    n, e = shortest_digits(magnitude) if magnitude else (0, 0)
    if -e > precision:
        n, e = rounded_digits(magnitude, -precision)
    n, e = (n * 10 ** e, 0) if e > 0 else (n, e)
    whole, fraction = divmod(n, 10 ** -e)
    text = str(fraction).rjust(-e, "0").rstrip("0") if e else ""
    return (minus + str(whole)).rjust(pad_left) + "." + text.ljust(pad_right)


def bfloat16_bits(x):  # to nearest, ties to even
    bits = struct.unpack("<I", struct.pack("<f", x))[0]
    return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16


def array_text(array, dtype):
    printer = np.core.arrayprint
    numpys_own = printer.dragon4_scientific, printer.dragon4_positional
    if dtype == "bfloat16":
        printer.dragon4_scientific, printer.dragon4_positional = scientific, positional
    text = np.array2string(array, max_line_width=WIDTH, separator=", ", prefix="tensor(", suffix=",")
    printer.dragon4_scientific, printer.dragon4_positional = numpys_own
    return text


def laid_out(array, dtype):
    remarks = []
    summarised = array.size > 1000
    if summarised or (array.size == 0 and array.shape != (0,)):
        remarks.append("shape=(" + ",".join(map(str, array.shape)) + ")")
    if array.size == 0 or dtype not in IMPLIED:
        remarks.append("dtype=" + dtype)
    text = "tensor(" + array_text(array, dtype)
    if not remarks:
        return text + ")"
    last = ", ".join(remarks) + ")"
    text += ","
    fits = len(text) - (text.rfind("\n") + 1) + 1 + len(last) <= WIDTH
    return text + (" " if fits else "\n" + " " * len("tensor(")) + last


cases = []


def case(values, shape, dtype):
    if dtype == "bfloat16":
        values = [bfloat16_value(bfloat16_bits(v)) for v in values]
        array = np.array(values, dtype=np.float64).reshape(shape)
    else:
        array = np.array(values, dtype=dtype).reshape(shape)
        values = array.ravel().tolist()
    if dtype == "bool":
        values = [int(v) for v in values]
    if all(isinstance(v, float) for v in values) and values:
        values = [v if math.isfinite(v) and math.copysign(1, v) * (v != 0) != 0 else repr(v) for v in values]
    cases.append({"dtype": dtype, "shape": list(shape), "values": values, "text": laid_out(array, dtype)})


def ramp(start, step, shape, dtype):
    n = int(np.prod(shape))
    array = np.array([start + step * i for i in range(n)], dtype=dtype).reshape(shape)
    cases.append({"dtype": dtype, "shape": list(shape), "start": start, "step": step, "text": laid_out(array, dtype)})


inf, nan = math.inf, math.nan
generator = np.random.default_rng(1)
for dtype in ("float32", "float64", "float16", "bfloat16"):
    case([1, 2, 3], (3,), dtype)
    case([1.5, 2, 3.25, -4], (2, 2), dtype)
    case([0.1, 0.2, 0.3], (3,), dtype)
    case([1 / 3, 2 / 3, 1], (3,), dtype)
    case([3.14159265358979], (), dtype)
    case([0.0], (), dtype)
    case([-0.0, 0.0], (2,), dtype)
    case([nan, 1, inf], (3,), dtype)
    case([nan, -inf, 0.5], (3,), dtype)
    case([nan, nan], (2,), dtype)
    case([inf], (), dtype)
    case([-inf, inf], (2,), dtype)
    case([1e-5, nan, -inf, 1], (4,), dtype)
    case([1, 1000], (2,), dtype)
    case([1, 1001], (2,), dtype)
    case([1, 1004], (2,), dtype)
    case([0.0001, 0.01], (2,), dtype)
    case([0.00012, 0.1], (2,), dtype)
    case([0.00009, 0.01], (2,), dtype)
    case([0, 60000, 3], (3,), dtype)
    case([], (0,), dtype)
    case([], (2, 0, 3), dtype)
    case([1, -1], (1, 1, 2), dtype)
    case(generator.normal(size=24).tolist(), (2, 3, 4), dtype)
    case(generator.normal(size=40).tolist(), (40,), dtype)
    case(generator.normal(size=60).tolist(), (3, 20), dtype)
    case((generator.normal(size=30) * 100).tolist(), (3, 10), dtype)
    case(np.exp(generator.normal(size=20) * 4).tolist(), (4, 5), dtype)
    case((generator.normal(size=16) * 1e-3).tolist(), (2, 1, 2, 4), dtype)
for dtype in ("float32", "float64"):
    case([99999999.0], (1,), dtype)
    case([99999992.0, 1234567.8], (2,), dtype)
    case([1e8], (1,), dtype)
    case([123456.789, 654321.123], (2,), dtype)
    case([33554432.0, 16777217.5], (2,), dtype)
    case([0.999999999, 0.123456789012], (2,), dtype)
    case([1.999999996, 9.999999996], (2,), dtype)
    case([0.123456785, 0.5, 0.000244140625], (3,), dtype)
    case([1e10, -1e-10], (2,), dtype)
    case([9.9999999999e9, 1e-3], (2,), dtype)
    case([1e-38, 1e38], (2,), dtype)
    case([1.5, -2.25, 1e6, 1234.5678], (4,), dtype)
    ramp(0, 1, (1000,), dtype)
    ramp(0, 1, (1001,), dtype)
    ramp(0, 0.5, (50, 30), dtype)
    ramp(-3, 0.001, (4, 3, 100), dtype)
    ramp(0, 1, (5, 7, 40), dtype)
    ramp(0, 0.25, (11, 11, 11), dtype)
    ramp(1, 1e7, (2000, 1), dtype)
case([5e-324, 1.7976931348623157e308], (2,), "float64")
case([1e100, 1e-7, 0], (3,), "float64")
case([1e100, nan], (2,), "float64")
case([2.0 ** -44, 2.0 ** -1074, 2.0 ** 1000], (3,), "float64")
case([6e-8, 65504], (2,), "float16")
case([2.0 ** -k for k in range(15)], (3, 5), "float16")
case([2.0 ** k for k in range(-20, 20)], (40,), "bfloat16")
for dtype in ("int64", "int32", "uint8"):
    case([1, 2, 3], (3,), dtype)
    case([7], (), dtype)
    case([0, 10, 200], (3, 1), dtype)
    case([], (0,), dtype)
    case([], (0, 4), dtype)
    case(list(range(30)), (30,), dtype)
    case(list(range(120)), (2, 60), dtype)
    if dtype != "uint8":
        case([-1, 100, -1000], (3,), dtype)
        ramp(-5, 1, (1200,), dtype)
        ramp(0, 7, (40, 40), dtype)
case([-(2 ** 63), 2 ** 63 - 1, 2 ** 53 + 1], (3,), "int64")
case([True, False, True, True], (2, 2), "bool")
case([True, True], (2,), "bool")
case([True], (), "bool")
case([False], (), "bool")
case([], (0,), "bool")
case([i % 3 == 0 for i in range(40)], (40,), "bool")
case([i % 3 == 0 for i in range(256)], (1,) * 4 + (4, 4, 4, 4), "bool")

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "print.json")
with open(path, "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")

#!/usr/bin/env python3
"""Writes maths_unary.csv and maths_binary.csv: functions and their derivatives to 17 digits, by mpmath with 200.

Every argument is a float32 number, so that the tables serve float and double alike."""
import pathlib
import struct

import mpmath as mp

mp.mp.dps = 200
folder = pathlib.Path(__file__).parent


def float32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def number(x):
    return "nan" if mp.isnan(x) else repr(float(x))


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def log_add_exp(x, y):
    return mp.log(mp.exp(x) + mp.exp(y))


everywhere = [-1e4, -300, -100, -87.5, -50, -20, -9, -5.5, -3, -2, -1.3, -0.9, -0.7, -0.6, -0.35, -0.3, -0.1, -0.01, -1e-4, -1e-10]
everywhere = everywhere + [0.0] + [-x for x in reversed(everywhere)]
bounded = [x for x in everywhere if abs(x) < 80]
positive = [1e-40, 1e-30, 1e-10, 1e-4, 0.01, 0.1, 0.3, 0.5, 0.7, 0.72, 0.9, 0.99, 1.0, 1.01, 1.3, 1.42, 1.5, 2, 3, 5.5, 10, 17.5, 40, 100, 1e4, 1e10, 3e38]
negative = [x for x in everywhere if -300 < x < 0]

unary = {
    "exp": (mp.exp, bounded + [-87.5, -95, -103.5, 80, 88.5]),
    "expm1": (mp.expm1, bounded + [88.5]),
    "log": (mp.log, positive),
    "log1p": (mp.log1p, [x for x in everywhere if x > -1] + [1e30, 3e38, -0.999]),
    "sqrt": (mp.sqrt, positive),
    "tanh": (mp.tanh, bounded),
    "sin": (mp.sin, everywhere),
    "cos": (mp.cos, everywhere),
    "acos": (mp.acos, [x for x in everywhere if abs(x) < 1] + [0.999, -0.999]),
    "atan": (mp.atan, everywhere),
    "erf": (mp.erf, [x for x in bounded if abs(x) < 6]),
    "erfc": (mp.erfc, [x for x in bounded if -6 < x < 10]),
    "lgamma": (mp.loggamma, [x for x in positive if 1e-5 < x < 1e5 and x not in (1, 2)]),
    "digamma": (mp.digamma, [x for x in positive if 1e-5 < x < 1e5]),
    "sigmoid": (sigmoid, bounded),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), bounded),
    "log_sigmoid": (lambda x: -mp.log1p(mp.exp(-x)), bounded),
    "log1mexp": (lambda x: mp.log(-mp.expm1(x)), [x for x in negative if x > -80]),
    "log_cosh": (lambda x: mp.log(mp.cosh(x)), bounded),
}
with open(folder / "maths_unary.csv", "w") as file:
    file.write("function,x,value,first,second\n")
    for name, (f, points) in unary.items():
        for x in dict.fromkeys(map(float32, points)):
            derivatives = [mp.re(mp.diff(f, mp.mpf(x), n)) if n else mp.re(f(mp.mpf(x))) for n in range(3)]
            file.write(",".join([name, repr(x), *map(number, derivatives)]) + "\n")

pairs = [(x, y) for x in (1e-3, 0.3, 1, 1.7, 20) for y in (-3, -0.5, 1e-3, 1, 2, 2.5)]
plane = [(x, y) for x in (-20, -1, -0.1, 0.5, 3) for y in (-7, -0.5, 0.5, 2, 20)] + [(2, 2), (-30, -30), (1e30, 1e-30)]
binary = {
    "pow": (mp.power, pairs),
    "atan2": (mp.atan2, plane),
    "xlogy": (lambda x, y: x * mp.log(y), [(x, y) for x in (0, 1e-3, 1, 30) for y in (1e-10, 0.5, 1, 7)]),
    "log_add_exp": (log_add_exp, [p for p in plane if abs(p[0]) < 1e3]),
}
with open(folder / "maths_binary.csv", "w") as file:
    file.write("function,x,y,value,along_x,along_y\n")
    for name, (f, points) in binary.items():
        for x, y in ((float32(a), float32(b)) for a, b in points):
            mx, my = mp.mpf(x), mp.mpf(y)
            row = [f(mx, my), mp.diff(lambda a: f(a, my), mx), mp.diff(lambda b: f(mx, b), my)]
            file.write(",".join([name, repr(x), repr(y), *map(number, map(mp.re, row))]) + "\n")

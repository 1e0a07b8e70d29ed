#!/usr/bin/env python3
"""Draws the README's pictures from what the command really prints: docs/make_pictures.py PATH_TO_GRADUS."""
import html
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
PICTURES = {
    "training.svg": ["demo"],
    "certificate.svg": ["gradcheck", "huber_loss"],
}


def svg(command, text):
    lines = ["$ ./run " + " ".join(command), ""] + text.rstrip().split("\n")
    width, height = 8.2 * max(len(line) for line in lines) + 32, 18 * len(lines) + 32
    rows = "".join(
        f'<text x="16" y="{30 + 18 * i}" fill="{"#8bd5ca" if i == 0 else "#cad3f5"}" xml:space="preserve">{html.escape(line)}</text>\n'
        for i, line in enumerate(lines))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" font-family="DejaVu Sans Mono, monospace" '
            f'font-size="13">\n<rect width="100%" height="100%" rx="8" fill="#24273a"/>\n{rows}</svg>\n')


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name, command in PICTURES.items():
        text = subprocess.run([sys.argv[1], *command], capture_output=True, text=True, check=True).stdout
        (FOLDER / name).write_text(svg([] if command == ["demo"] else command, text))


main()

"""Writes rotation.json: images turned by PyTorch's grid_sample, an independent way to do it.  Needs torch; made with 1.13."""

import json
import math
import pathlib

import torch
from torch.nn import functional as F

from fill import pattern


def main():
    images, degrees = pattern(1, (3, 2, 5, 4)), [30.0, -75.0, 200.0]
    n, _, height, width = images.shape
    y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    grids = []
    for d in degrees:
        # Counter-clockwise as it is seen, with y downwards: the pixel comes from where a clockwise turn leads.
        a = math.radians(d)
        from_x, from_y = math.cos(a) * x - math.sin(a) * y, math.sin(a) * x + math.cos(a) * y
        grids.append(torch.stack([from_x * 2 / width, from_y * 2 / height], -1))
    turned = F.grid_sample(images, torch.stack(grids), mode="bilinear", padding_mode="zeros", align_corners=False)
    pathlib.Path(__file__).with_name("rotation.json").write_text(json.dumps(turned.reshape(-1).tolist()) + "\n")


if __name__ == "__main__":
    main()

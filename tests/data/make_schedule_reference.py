"""Writes schedule_reference.json: the learning rates of PyTorch's schedules over 100 steps in two groups, and where SGD
with momentum gets along them, in float64. trajectory.h and schedule_test.cpp have the same formulas. Needs torch; made with 1.13.
"""

import json
import pathlib

import torch
from torch.optim import lr_scheduler as schedules

from make_optimizer_reference import STEPS, gradient, start

METRICS = [1 / (1 + 0.3 * step) if step < 25 else 0.1173 + 0.001 * (step % 3) for step in range(STEPS)]
VARIANTS = {
    "step": lambda o: schedules.StepLR(o, 30),
    "step_gamma": lambda o: schedules.StepLR(o, 7, gamma=0.8),
    "multi_step": lambda o: schedules.MultiStepLR(o, [15, 40, 41, 90], gamma=0.3),
    "exponential": lambda o: schedules.ExponentialLR(o, 0.97),
    "cosine": lambda o: schedules.CosineAnnealingLR(o, 100),
    "cosine_lowest": lambda o: schedules.CosineAnnealingLR(o, 30, eta_min=0.001),
    "restarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 17),
    "restarts_growing": lambda o: schedules.CosineAnnealingWarmRestarts(o, 10, T_mult=2, eta_min=0.001),
    "warm_up": lambda o: schedules.LinearLR(o, start_factor=1 / 3, total_iters=10),
    "warm_up_cosine": lambda o: schedules.SequentialLR(
        o, [schedules.LinearLR(o, start_factor=0.1, total_iters=10), schedules.CosineAnnealingLR(o, 90)], [10]
    ),
    "one_cycle": lambda o: schedules.OneCycleLR(o, [0.02, 0.005], total_steps=101),
    "one_cycle_three_phase": lambda o: schedules.OneCycleLR(
        o, [0.02, 0.005], total_steps=101, pct_start=0.4, anneal_strategy="linear", base_momentum=0.8, max_momentum=0.9,
        div_factor=10, final_div_factor=100, three_phase=True,
    ),
    "plateau": lambda o: schedules.ReduceLROnPlateau(o, patience=3),
    "plateau_max": lambda o: schedules.ReduceLROnPlateau(
        o, mode="max", factor=0.5, patience=2, threshold=0.01, threshold_mode="abs", cooldown=4, min_lr=0.0005
    ),
}

result = {}
for name, schedule_of in VARIANTS.items():
    p, q = start(37).requires_grad_(), start(5).requires_grad_()
    optimizer = torch.optim.SGD([dict(params=[p], lr=0.02), dict(params=[q], lr=0.005)], momentum=0.9, lr=1)
    schedule = schedule_of(optimizer)
    rates, momenta = [], []
    for step in range(STEPS):
        rates.append([group["lr"] for group in optimizer.param_groups])
        momenta.append(optimizer.param_groups[0]["momentum"])
        p.grad, q.grad = gradient(p, step), gradient(q, step)
        optimizer.step()
        schedule.step(METRICS[step]) if name.startswith("plateau") else schedule.step()
    result[name] = {"lr": rates, "momentum": momenta, "p": p.tolist(), "q": q.tolist()}

path = pathlib.Path(__file__).with_name("schedule_reference.json")
path.write_text(json.dumps(result, indent=0) + "\n")

"""Writes models_reference.json: states, outputs and gradients of models as PyTorch has them, with the weights of fill.py.

The residual network is torchvision's resnet18, written down once more, with its names. Needs torch; made with 1.13.
"""

import json
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

from fill import fill, fingerprint, pattern


class LeNet5(nn.Module):
    def __init__(self, channels, size, outputs):
        super().__init__()
        small = size < 32
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=2 if small else 0)
        self.conv2 = nn.Conv2d(6, 16, 5)
        left = ((size + (4 if small else 0) - 4) // 2 - 4) // 2
        self.fc1 = nn.Linear(16 * left * left, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, outputs)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.downsample(x) if self.downsample else x))


class ResNet18(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))
        self.fc = nn.Linear(512, outputs)

    def trunk(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def forward(self, x):
        return self.fc(F.adaptive_avg_pool2d(self.trunk(x), 1).flatten(1))


def case(model, x):
    """The state, what the model says in evaluation and then in training, and the gradients of that."""
    model.double()
    with torch.no_grad():
        fill(model)
    result = {"input": list(x.shape), "state": [[name, list(t.shape)] for name, t in model.state_dict().items()]}
    model.eval()
    result["eval"] = model(x).reshape(-1).tolist()
    model.train()
    y = model(x)
    result["train"] = y.reshape(-1).tolist()
    (y * pattern(2000, y.shape)).sum().backward()
    result["gradients"] = {name: fingerprint(p.grad) for name, p in model.named_parameters()}
    result["buffers"] = {name: fingerprint(b.double()) for name, b in model.named_buffers()}
    return result


def main():
    cases = {
        "logistic_regression": case(nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), pattern(1000, (4, 3, 2, 2))),
        "lenet5_28": case(LeNet5(1, 28, 10), pattern(1000, (3, 1, 28, 28))),
        "lenet5_32": case(LeNet5(3, 32, 7), pattern(1000, (2, 3, 32, 32))),
        "resnet18": case(ResNet18(5), pattern(1000, (3, 3, 40, 48))),
    }
    text = json.dumps(cases, separators=(",", ":")).replace('"gradients"', '\n"gradients"').replace("]],", "]],\n")
    pathlib.Path(__file__).with_name("models_reference.json").write_text(text + "\n")


if __name__ == "__main__":
    main()

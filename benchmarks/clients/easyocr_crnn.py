"""EasyOCR: its recognition nets, convolutions and two bidirectional LSTMs."""

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType

import torch
from client import Case, Model, run


def cases() -> Iterator[Case]:
    # the package itself imports image libraries and torchvision, which the recognition nets do not call
    bare, vision = ModuleType("easyocr"), ModuleType("torchvision")
    bare.__path__ = list(importlib.util.find_spec("easyocr").submodule_search_locations)
    vision.models = ModuleType("torchvision.models")
    sys.modules |= {"easyocr": bare, "torchvision": vision, "torchvision.models": vision.models}
    from easyocr.model import model as resnet
    from easyocr.model import vgg_model as vgg

    torch.manual_seed(3)
    lines = torch.randn(2, 1, 64, 48)
    for name, of in (("VGG", vgg), ("ResNet", resnet)):
        yield Model(name, lambda of=of: of.Model(1, 16, 12, 20), lambda model: model(lines, ""))


if __name__ == "__main__":
    run(cases, without_dependencies=("easyocr==1.7.2",))

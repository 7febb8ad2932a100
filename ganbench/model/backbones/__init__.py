"""Generator and discriminator networks by name: a file each, and a line in the table."""

from ganbench.model.backbones.base import Backbone, Options, Plain, kind_of
from ganbench.model.backbones.dcgan import DCGAN
from ganbench.model.backbones.mlp import MLP
from ganbench.model.backbones.resnet import ResNet
from ganbench.model.backbones.upsample import Upsample

BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone for backbone in (MLP(), DCGAN(), Upsample(), ResNet())
}
"""Every backbone by name, in the order in which `auto` looks for one that serves."""


def choose(name: str, shape: tuple[int, ...]) -> Backbone:
    """The backbone of this name, or the one that `auto` means for images or points of a shape.

    Raises ValueError where it cannot make that shape.
    """
    if name == "auto":
        kind, side = kind_of(shape), max(shape[1:], default=0)
        able = [one for one in BACKBONES.values() if kind in one.kinds and side <= one.auto_side]
        backbone = able[0]
    else:
        backbone = BACKBONES[name]
    backbone.refuse(shape)
    return backbone


__all__ = ["BACKBONES", "Backbone", "Options", "Plain", "choose", "kind_of"]

"""An independent judge of pictures: a small network that learns from renders which object is seen."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.loop import Loop, averaged
from training.objects import Object, load
from training.options import seed, training_parser

SIDE = 64  # pixels
ALIKE = 0.12  # root mean square difference, 0 to 1, under which two objects count as one
THUMB = 16  # pixels of the thumbnails that are compared
WIDTHS = (32, 64, 128, 256)


def shapes(objects: list[Object]) -> Tensor:
    """All objects as N x 4 x 64 x 64, 0 to 1: colours times cover, and cover."""
    whole = torch.stack([torch.from_numpy(entry.shape.copy()) for entry in objects]).permute(0, 3, 1, 2)
    small = functional.interpolate(whole.float() / 255, size=SIDE, mode="area")
    return torch.cat([small[:, :3] * small[:, 3:], small[:, 3:]], 1)


def groups(shape: Tensor) -> Tensor:
    """The number of each object's group: near-duplicates share the first one's."""
    thumbs = functional.interpolate(shape, size=THUMB, mode="area").flatten(1)
    distance = torch.cdist(thumbs, thumbs) / thumbs.shape[1] ** 0.5
    return (distance < ALIKE).int().argmax(1)


def judge(classes: int) -> nn.Module:
    """The network: N x 3 x 64 x 64 pictures, 0 to 1, to the logits of the objects."""
    layers: list[nn.Module] = []
    before = 3
    for width in WIDTHS:
        layers += [nn.Conv2d(before, width, 3, 1 if before == 3 else 2, 1, bias=False), nn.BatchNorm2d(width)]
        layers += [nn.ReLU(), nn.Conv2d(width, width, 3, 2 if before == 3 else 1, 1, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * before, classes))


def renders(shape: Tensor, numbers: Tensor) -> Tensor:
    """Pictures of objects as a painter might leave them: moved, resized, tinted, on any ground, blurred, noisy."""
    count = len(numbers)
    placed = functional.grid_sample(shape[numbers], places(count), align_corners=False)
    colours, cover = tinted(placed[:, :3]), placed[:, 3:]
    ground = torch.rand(count, 3, 1, 1)
    ground = torch.where(torch.rand(count, 1, 1, 1) < 0.3, 1.0, ground)
    picture = blurred(colours + ground * (1 - cover))
    return (picture + 0.06 * torch.rand(count, 1, 1, 1) * torch.randn_like(picture)).clamp(0, 1)


def places(count: int) -> Tensor:
    """Sampling grids that show an object at 0.75 to 1.05 of the picture, up to a tenth off its middle."""
    scale = 1 / (0.75 + 0.3 * torch.rand(count, 1)) * (1 + 0.1 * torch.randn(count, 2)).clamp(0.8, 1.2)
    turn = torch.zeros(count, 2, 3)
    turn[:, 0, 0], turn[:, 1, 1] = scale[:, 0], scale[:, 1]
    turn[:, :, 2] = 0.2 * torch.rand(count, 2) - 0.1
    return functional.affine_grid(turn, [count, 4, SIDE, SIDE], align_corners=False)


def tinted(colours: Tensor) -> Tensor:
    """Every third one in another colour: its light in a random mixture."""
    light = colours.mean(1, keepdim=True) * (0.3 + 1.2 * torch.rand(len(colours), 3, 1, 1))
    return torch.where(torch.rand(len(colours), 1, 1, 1) < 0.33, light.clamp(0, 1), colours)


def blurred(pictures: Tensor) -> Tensor:
    """Every other one out of focus: made small and large again."""
    small = functional.interpolate(pictures, scale_factor=0.5, mode="area")
    soft = functional.interpolate(small, size=SIDE, mode="bilinear", align_corners=False)
    return torch.lerp(pictures, soft, torch.rand(len(pictures), 1, 1, 1))


def batches(shape: Tensor, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches of renders and their objects' numbers."""
    while True:
        numbers = torch.randint(len(shape), (count,))
        yield renders(shape, numbers), numbers


def trained(work: Path, classes: int) -> nn.Module:
    """The judge that `main` trained."""
    network = judge(classes)
    network.load_state_dict(averaged(work / "classifier.pt")["judge"])
    return network.eval()


@torch.no_grad()
def accuracy(network: nn.Module, shape: Tensor, group: Tensor, count: int = 4096) -> float:
    """The share of fresh renders whose group is told."""
    right = 0
    for pictures, numbers in [next(batches(shape, 256)) for _ in range(count // 256)]:
        right += int((group[network(pictures).argmax(1)] == group[numbers]).sum())
    return right / count


def main() -> None:
    """Write classifier.pt into the work folder and print how many fresh renders it tells."""
    options = training_parser(__doc__, minutes=6, rate=2e-3, batch=64).parse_args()
    seed(options)
    shape = shapes(load(options.work))
    group = groups(shape)
    print(len(shape), "objects in", len(group.unique()), "groups")
    network, made = judge(len(shape)), batches(shape, options.batch)

    def loss() -> Tensor:
        pictures, numbers = next(made)
        return functional.cross_entropy(network(pictures), group[numbers], label_smoothing=0.05)

    Loop({"judge": network}, options.work / "classifier.pt", options).run(loss)
    told = accuracy(trained(options.work, len(shape)), shape, group)
    print(f"{100 * told:.1f} % of fresh renders are told")


if __name__ == "__main__":
    main()

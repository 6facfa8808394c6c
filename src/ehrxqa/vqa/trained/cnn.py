"""A small convolutional network that predicts the label table (extra `vqa`: torch).

A 7 × 7 convolution and four residual blocks bring the picture to one sixteenth of its side. Each object of the
chest then looks at the cells by itself: attention with a place map that is learnt (where the object lies in most
pictures) and with queries over what the cells hold. Every column of the table is a weighted sum of what its object saw,
of the picture as a whole, and of the picture squeezed to 16 × 16 pixels, which tells the shape of a chest. View
position, sex and the two widths each look as an object of their own.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ehrxqa.errors import SettingsError
from ehrxqa.progress import SILENT, Progress
from ehrxqa.vqa.trained.pixels import Pixels
from ehrxqa.vqa.trained.table import MEASURED, Columns, Floats, Targets

__all__ = ["DEFAULT_EPOCHS", "DEFAULT_SIZE", "Cnn", "require_torch", "torch_device", "train_cnn"]

DEFAULT_SIZE: Final = 160
DEFAULT_EPOCHS: Final = 16
CHANNELS: Final = (24, 48, 96, 128)
QUERIES: Final = 4
BATCH: Final = 32
LEARNING_RATE: Final = 4e-3
WEIGHT_DECAY: Final = 0.05
WARM_UP: Final = 0.25
DROPOUT: Final = 0.2
#: Pixels of a side of the squeezed picture.
COARSE: Final = 16
#: Largest shift of a picture in training, as a share of its side.
SHIFT: Final = 1 / 32
#: Weight of the squared error of a width, in thorax widths, beside the log loss of a column.
_WIDTH_WEIGHT: Final = 60.0
_AT_ONCE: Final = 64


def require_torch() -> Any:
    """The module torch.

    Raises:
        SettingsError: It is not installed.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise SettingsError("a cnn needs torch; install it with: pip install 'ehrxqa[vqa]'") from error


def torch_device(torch: Any, name: str) -> Any:
    """A device by its name; `auto` is a GPU if there is one.

    Raises:
        SettingsError: There is no such device.
    """
    try:
        device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(f'device "{name}" cannot be used ({" ".join(str(error).split())[:120]})') from error
    return device


class Cnn:
    """The network and where it runs.

    Args:
        network: What `_network` made.
        place_of: The object of each column, as a number.
        device: Where it runs.
    """

    kind: Final = "cnn"

    def __init__(self, network: Any, place_of: Sequence[int], device: Any) -> None:
        self._torch = require_torch()
        self._network, self._place_of, self._device = network.to(device).eval(), list(place_of), device

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, npt.NDArray[Any]], settings: Mapping[str, Any], device: str) -> Cnn:
        """What `tensors` and `settings` wrote."""
        torch = require_torch()
        network = _network(torch, settings["places"], int(settings["side"]))
        state = {
            name.removeprefix("network."): torch.from_numpy(np.array(value))
            for name, value in tensors.items()
            if name.startswith("network.")
        }
        network.load_state_dict(state)
        return cls(network, settings["places"], torch_device(torch, device))

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The weights by name."""
        state = self._network.state_dict()
        return {f"network.{name}": value.detach().cpu().contiguous().numpy() for name, value in state.items()}

    def settings(self) -> dict[str, Any]:
        """The object of each column, and the cells of a side."""
        return {"side": self._network.side, "places": self._place_of}

    def scores(self, pixels: Pixels) -> Floats:
        """(images, columns): log-odds, and for widths the share."""
        torch = self._torch
        found = []
        with torch.inference_mode():
            for start in range(0, len(pixels), _AT_ONCE):
                batch = _batch(torch, pixels[start : start + _AT_ONCE], self._device)
                found.append(self._network(batch).float().cpu().numpy())
        columns = len(self._place_of)
        return np.concatenate(found) if found else np.zeros((0, columns), np.float32)


def _batch(torch: Any, pixels: Pixels, device: Any) -> Any:
    """Grey values without brightness and contrast; (images, 1, side, side)."""
    values = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).float()[:, None]
    mean = values.mean(dim=(1, 2, 3), keepdim=True)
    spread = values.std(dim=(1, 2, 3), keepdim=True, unbiased=False)
    return ((values - mean) / (spread + 1.0)).contiguous(memory_format=torch.channels_last)


def _network(torch: Any, place_of: Sequence[int], side: int) -> Any:
    """The network, with weights drawn anew; `side` is the number of cells of a side."""
    nn = torch.nn

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            self.one = nn.Conv2d(before, after, 3, stride, 1, bias=False)
            self.norm_one = nn.BatchNorm2d(after)
            self.two = nn.Conv2d(after, after, 3, 1, 1, bias=False)
            self.norm_two = nn.BatchNorm2d(after)
            same = before == after and stride == 1
            self.past = nn.Identity() if same else nn.Sequential(nn.AvgPool2d(stride), nn.Conv2d(before, after, 1))

        def forward(self, x: Any) -> Any:
            y = torch.relu(self.norm_one(self.one(x)))
            return torch.relu(self.norm_two(self.two(y)) + self.past(x))

    class Network(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            first, second, third, last = CHANNELS
            places, columns = max(place_of) + 1, len(place_of)
            self.side = side
            self.stem = nn.Sequential(nn.Conv2d(1, first, 7, 4, 3, bias=False), nn.BatchNorm2d(first), nn.ReLU())
            self.trunk = nn.Sequential(
                Block(first, second, 2), Block(second, second, 1), Block(second, third, 2), Block(third, last, 1)
            )
            self.cells = nn.Parameter(torch.randn(last, side * side) * 0.02)
            self.maps = nn.Parameter(torch.zeros(places, QUERIES, side * side))
            self.queries = nn.Parameter(torch.randn(places, QUERIES, last) / math.sqrt(last))
            width = (QUERIES + 1) * last
            self.drop = nn.Dropout(DROPOUT)
            self.weights = nn.Parameter(torch.randn(columns, width) * 0.01)
            self.shape = nn.Linear(COARSE * COARSE, columns, bias=False)
            nn.init.zeros_(self.shape.weight)
            self.offsets = nn.Parameter(torch.zeros(columns))
            self.register_buffer("place_of", torch.tensor(list(place_of)), persistent=False)

        def forward(self, x: Any) -> Any:
            cells = self.trunk(self.stem(x)).flatten(2) + self.cells  # (images, channels, cells)
            looks = torch.einsum("pqc,bcn->bpqn", self.queries, cells) + self.maps
            seen = torch.einsum("bpqn,bcn->bpqc", looks.softmax(dim=-1), cells).flatten(2)
            whole = cells.mean(dim=2)[:, None].expand(-1, seen.shape[1], -1)
            seen = self.drop(torch.cat([seen, whole], dim=2))  # (images, places, width)
            squeezed = nn.functional.adaptive_avg_pool2d(x, COARSE).flatten(1) / COARSE
            return (seen[:, self.place_of] * self.weights).sum(dim=2) + self.shape(squeezed) + self.offsets

    return Network()


def _places(columns: Columns) -> list[int]:
    """The object of each column as a number; view, sex and widths have one each."""
    names = sorted({finding.object for finding in columns.findings})
    number = {name: place for place, name in enumerate(names)}
    others = range(len(names), len(names) + 2 + len(MEASURED))
    return [*(number[finding.object] for finding in columns.findings), *others]


def train_cnn(
    pixels: Pixels,
    targets: Targets,
    columns: Columns,
    *,
    rows: npt.NDArray[np.int64] | None = None,
    epochs: int,
    seed: int,
    device: str = "auto",
    progress: Progress = SILENT,
) -> Cnn:
    """Train a network on some of the pictures (`rows`, all by default).

    Raises:
        SettingsError: torch is not installed, or there is no such device.
    """
    torch = require_torch()
    where = torch_device(torch, device)
    torch.manual_seed(seed)
    rows = np.arange(len(pixels)) if rows is None else rows
    rng = np.random.default_rng(seed)
    places = _places(columns)
    side = _cells(pixels.shape[1])
    network = _network(torch, places, side)
    _start_offsets(torch, network, targets.take(rows), columns)
    network = network.to(where).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(_groups(network), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    batches = math.ceil(len(rows) / BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / (epochs * batches)))
    truths = torch.from_numpy(targets.values)
    widths = [columns.size(measured) for measured in MEASURED]
    with progress.task("training", total=epochs * batches, unit="batches") as task:
        for _ in range(epochs):
            order = rng.permutation(rows)
            for start in range(0, len(order), BATCH):
                some = order[start : start + BATCH]
                if len(some) < 2:
                    continue  # one image has no spread to normalise by
                said = network(_disturbed(torch, rng, _batch(torch, pixels[some], where)))
                loss = _loss(torch, said, truths[some].to(where), widths)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
                optimizer.step()
                schedule.step()
                task.advance()
    return Cnn(network, places, where)


def _rate(done: float) -> float:
    """The learning rate as a share of the highest: up over the first quarter, then down by a cosine."""
    if done < WARM_UP:
        return 0.04 + 0.96 * done / WARM_UP
    return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (done - WARM_UP) / (1 - WARM_UP)))


def _cells(size: int) -> int:
    """Cells of a side: the strides are 4, 2 and 2."""
    for stride in (4, 2, 2):
        size = (size + stride - 1) // stride if stride == 2 else (size - 1) // 4 + 1
    return size


def _groups(network: Any) -> list[dict[str, Any]]:
    """Weights that decay, and what should not: norms, offsets, place maps."""
    decaying: list[Any] = []
    free: list[Any] = []
    for name, value in network.named_parameters():
        (free if value.ndim < 2 or name in ("maps", "cells") else decaying).append(value)
    return [{"params": decaying}, {"params": free, "weight_decay": 0.0}]


def _start_offsets(torch: Any, network: Any, targets: Targets, columns: Columns) -> None:
    """Begin with how often each column holds, so that training need not find it out."""
    known = ~np.isnan(targets.values)
    total = np.where(known, targets.values, 0).sum(axis=0)
    mean = (total + 0.5) / (known.sum(axis=0) + 1.0)
    start = np.log(mean / (1 - np.minimum(mean, 0.999)))
    for measured in MEASURED:
        start[columns.size(measured)] = mean[columns.size(measured)]
    with torch.no_grad():
        network.offsets.copy_(torch.from_numpy(start.astype(np.float32)))


def _disturbed(torch: Any, rng: np.random.Generator, batch: Any) -> Any:
    """Pictures shifted by a few pixels and of another brightness and contrast; never mirrored: sides have meaning."""
    most = max(1, round(batch.shape[-1] * SHIFT))
    padded = torch.nn.functional.pad(batch, (most,) * 4, mode="replicate")
    size = batch.shape[-1]
    shifts = rng.integers(0, 2 * most + 1, (len(batch), 2))
    moved = torch.stack([one[:, y : y + size, x : x + size] for one, (y, x) in zip(padded, shifts, strict=True)])
    scale = torch.from_numpy(rng.uniform(0.8, 1.2, (len(batch), 1, 1, 1)).astype(np.float32)).to(batch.device)
    shift = torch.from_numpy(rng.normal(0, 0.1, (len(batch), 1, 1, 1)).astype(np.float32)).to(batch.device)
    return (moved * scale + shift).contiguous(memory_format=torch.channels_last)


def _loss(torch: Any, said: Any, wanted: Any, widths: Sequence[int]) -> Any:
    """Log loss of what holds, summed over columns, and squared error of widths; what is not known does not count."""
    known = ~torch.isnan(wanted)
    wanted = torch.nan_to_num(wanted)
    losses = torch.nn.functional.binary_cross_entropy_with_logits(said, wanted.clamp(0, 1), reduction="none")
    for column in widths:
        losses = torch.cat(
            [
                losses[:, :column],
                _WIDTH_WEIGHT * (said[:, column : column + 1] - wanted[:, column : column + 1]) ** 2,
                losses[:, column + 1 :],
            ],
            dim=1,
        )
    return (losses * known).sum() / len(said) / 10

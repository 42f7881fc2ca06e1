"""The training loop: a budget, averaged weights, checkpoints from which a killed run goes on."""

import random
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

SAVE_EVERY = 120.0  # seconds
WARM_UP = 60  # steps
LAST_RATE = 0.02  # of the highest
WILD = 8.0  # times the usual loss: a step that is beyond this is not taken


def optimisers(
    modules: dict[str, nn.Module], rates: dict[str, float], rate: float
) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of linear layers, AdamW for the rest; each module has its share of the rate."""
    chosen: list[torch.optim.Optimizer] = []
    for name, module in modules.items():
        share = rate * rates.get(name, 1.0)
        matrices = [part.weight for part in module.modules() if isinstance(part, nn.Linear)]
        known = {id(weight) for weight in matrices}
        others = [weight for weight in module.parameters() if id(weight) not in known]
        if matrices:
            chosen.append(
                torch.optim.Muon(matrices, share, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
            )
        chosen.append(torch.optim.AdamW(others, share, betas=(0.9, 0.98), weight_decay=0.0))
    for optimiser in chosen:
        for group in optimiser.param_groups:
            group["highest"] = group["lr"]
    return chosen


class Average:
    """A moving average of the weights of some modules, updated every few steps."""

    EVERY = 10  # steps

    def __init__(self, modules: dict[str, nn.Module]) -> None:
        self.modules = modules
        self.weights = {
            name: {key: value.detach().clone() for key, value in module.state_dict().items()}
            for name, module in modules.items()
        }

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the present weights."""
        if step % self.EVERY:
            return
        keep = min(0.999, step / (step + 50)) ** self.EVERY
        for name, module in self.modules.items():
            for key, value in module.state_dict().items():
                if value.is_floating_point():
                    self.weights[name][key].lerp_(value, 1 - keep)
                else:
                    self.weights[name][key].copy_(value)


class Loop:
    """Trains modules until the budget of minutes or steps is spent.

    `rates` gives a module a share of the learning rate. A file `pause` in the work folder halts it.
    """

    def __init__(
        self,
        modules: dict[str, nn.Module],
        file: Path,
        options: Namespace,
        rates: dict[str, float] | None = None,
    ) -> None:
        self.modules, self.file, self.options = modules, file, options
        self.optimisers = optimisers(modules, rates or {}, options.rate)
        self.average = Average(modules)
        self.step, self.seconds = 0, 0.0
        self.usual: float | None = None
        if file.exists():
            self._restore()

    def run(self, loss: Callable[[], Tensor]) -> dict[str, dict[str, Tensor]]:
        """Train with a function that draws a batch and returns its loss; give the averaged weights."""
        saved = time.monotonic()
        with tqdm(total=1.0, desc=self.file.stem, bar_format="{l_bar}{bar}|{postfix}") as bar:
            while self.done() < 1:
                self._wait()
                began = time.monotonic()
                value = self._advance(loss)
                self.seconds += time.monotonic() - began
                bar.n = min(1.0, self.done())
                bar.set_postfix(step=self.step, loss=f"{value:.4f}")
                if time.monotonic() - saved > SAVE_EVERY:
                    self._save()
                    saved = time.monotonic()
        self._save()
        return self.average.weights

    def done(self) -> float:
        """The part of the budget that is spent."""
        if self.options.steps:
            return self.step / self.options.steps
        return self.seconds / (60 * self.options.minutes)

    def _advance(self, loss: Callable[[], Tensor]) -> float:
        factor = min(1, (self.step + 1) / WARM_UP) * max(LAST_RATE, min(1, (1 - self.done()) / 0.6))
        value = loss()
        if self._wild(value.item()):
            self.step += 1
            return value.item()
        value.backward()
        weights = [weight for module in self.modules.values() for weight in module.parameters()]
        nn.utils.clip_grad_norm_(weights, 1.0)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["highest"] * factor
            optimiser.step()
            optimiser.zero_grad()
        self.step += 1
        self.average.update(self.step)
        return value.item()

    def _wild(self, value: float) -> bool:
        """Whether a loss is of a division by next to nothing, whose gradient has led a whole run astray."""
        usual = self.usual or value
        if not value <= WILD * usual:  # nor what is no number
            self.usual = 1.1 * usual  # what stays high is let through in the end
            return True
        self.usual = usual + (value - usual) / 20
        return False

    def _wait(self) -> None:
        while (self.options.work / "pause").exists():
            time.sleep(1)

    def _save(self) -> None:
        state = {
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "average": self.average.weights,
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "step": self.step,
            "seconds": self.seconds,
            "usual": self.usual,
            "chance": (torch.get_rng_state(), random.getstate()),
        }
        draft = self.file.with_suffix(".part")
        torch.save(state, draft)
        draft.replace(self.file)

    def _restore(self) -> None:
        state = torch.load(self.file, map_location=self.options.device, weights_only=False)
        for name in state["modules"].keys() & self.modules.keys():
            self.modules[name].load_state_dict(state["modules"][name])
        if "optimisers" not in state:  # bare weights of `training.shipped`: what they lack starts at random
            self.average = Average(self.modules)
            return
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.average.weights = state["average"]
        self.step, self.seconds, self.usual = state["step"], state["seconds"], state.get("usual")
        torch.set_rng_state(state["chance"][0].cpu())
        random.setstate(state["chance"][1])


def averaged(file: Path) -> dict[str, dict[str, Tensor]]:
    """The averaged weights in a checkpoint, by module."""
    weights: dict[str, dict[str, Tensor]] = torch.load(file, map_location="cpu", weights_only=False)[
        "average"
    ]
    return weights

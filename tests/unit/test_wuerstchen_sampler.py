"""Würstchen's schedule and samplers, against diffusers' scheduler and against arithmetic."""

import pytest

torch = pytest.importorskip("torch", reason="the painter's libraries are not installed")
pytest.importorskip("diffusers", reason="the painter's libraries are not installed")

SHAPE = (1, 4, 8, 8)


def noise(seed: int) -> "torch.Tensor":
    """Return noise of a seed."""
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def at(time: float) -> "torch.Tensor":
    """Return a time as the samplers take it."""
    return torch.tensor([time])


@pytest.mark.parametrize("s", [0.008, 0.02])
@pytest.mark.parametrize("scaler", [0.5, 1.0, 2.0])
def test_schedule(s: float, scaler: float) -> None:
    """The signal at any time is that of the stock scheduler to the bit, whatever bends it."""
    from diffusers import DDPMWuerstchenScheduler

    from prompt2pic.painters.wuerstchen_sampler import Schedule, times

    stock = DDPMWuerstchenScheduler(s=s, scaler=scaler)
    ours = Schedule(s=s, scaler=scaler)
    for t in times(97).split(1):
        assert torch.equal(ours.signal(t), stock._alpha_cumprod(t, t.device))


@pytest.mark.parametrize("steps", [1, 2, 12])
def test_ddpm(steps: int) -> None:
    """Each ancestral step, the last too, is the stock scheduler's to the bit for the same generator."""
    from itertools import pairwise

    from diffusers import DDPMWuerstchenScheduler

    from prompt2pic.painters.wuerstchen_sampler import Schedule, ddpm, times

    stock = DDPMWuerstchenScheduler()
    stock.set_timesteps(steps)
    ours, theirs = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    for t, after in pairwise(times(steps).split(1)):
        expected = stock.step(noise(1), t, noise(2), generator=theirs).prev_sample
        assert torch.equal(ddpm(Schedule(), noise(2), noise(1), t, after, [ours]), expected)


@pytest.mark.parametrize("steps", [1, 2, 5, 40, 400])
@pytest.mark.parametrize("name", ["ddim", "dpmpp"])
def test_knows_the_picture(name: str, steps: int) -> None:
    """With a model that knows the noise, any number of deterministic steps ends at the picture."""
    from itertools import pairwise

    from prompt2pic.painters.wuerstchen_sampler import Schedule, make_sampler, times

    sampler = make_sampler(name)  # type: ignore[arg-type]
    schedule, picture, sample = Schedule(), noise(1).clamp(-3, 3), None
    for t, after in pairwise(times(steps).split(1)):
        signal = schedule.signal(t)
        if sample is None:
            sample = signal.sqrt() * picture + (1 - signal).sqrt() * noise(2)
        predicted = (sample - signal.sqrt() * picture) / (1 - signal).sqrt()
        sample = sampler(schedule, sample, predicted, t, after, [torch.Generator()])
    assert (sample - picture).abs().max().item() < 1e-3


def test_ddim_draws_nothing() -> None:
    """The deterministic sampler leaves the generator as it was."""
    from prompt2pic.painters.wuerstchen_sampler import Schedule, ddim

    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    ddim(Schedule(), noise(1), noise(2), at(0.5), at(0.4), [generator])
    assert torch.equal(generator.get_state(), before)


def test_ddim_clamps() -> None:
    """What a model can not know from pure noise does not run away."""
    from prompt2pic.painters.wuerstchen_sampler import Schedule, ddim

    picture = ddim(Schedule(), noise(1), 3 * noise(2), at(1.0), at(0.0), [torch.Generator()])
    assert picture.abs().max().item() == 4.0


@pytest.mark.parametrize("strength", [0.1, 0.5, 0.9])
def test_mixed_noise_is_noise(strength: float) -> None:
    """Its spread stays that of noise, however much of the other is in it, and it turns by the share asked for."""
    from prompt2pic.painters.noise import mixed

    one, other = (torch.randn(1, 16, 32, 32, generator=torch.Generator().manual_seed(n)) for n in (1, 2))
    between = mixed(one, other, strength)
    assert between.std().item() == pytest.approx(1.0, abs=0.02)

    def angle(noise: "torch.Tensor") -> float:
        return float(torch.arccos(torch.cosine_similarity(one.flatten(), noise.flatten(), dim=0)))

    assert angle(between) == pytest.approx(strength * angle(other), abs=0.02)


def walked(name: str, steps: int) -> "torch.Tensor":
    """Return where a sampler ends with the ideal model of pictures that are noise of a half around a half."""
    from itertools import pairwise

    from prompt2pic.painters.wuerstchen_sampler import Schedule, make_sampler, times

    schedule, sample, sampler = Schedule(), noise(1).double(), make_sampler(name)  # type: ignore[arg-type]
    for t, after in pairwise(times(steps).split(1)):
        signal = schedule.signal(t).double()
        weight = 0.25 * signal.sqrt() / (0.25 * signal + 1 - signal)
        picture = 0.5 + weight * (sample - signal.sqrt() * 0.5)
        predicted = (sample - signal.sqrt() * picture) / (1 - signal).sqrt()
        sample = sampler(schedule, sample, predicted, t, after, [torch.Generator()])
    return sample


def test_multi_step_is_nearer_at_equal_steps() -> None:
    """DPM-Solver++(2M) comes to the end of many steps in few, where DDIM stays further off."""
    end = walked("ddim", 2000)
    far, near = ((walked(name, 12) - end).abs().mean().item() for name in ("ddim", "dpmpp"))
    assert near < far / 2

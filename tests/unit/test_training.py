"""How the built-in model is made: wording that is held out, Russian forms, training that was cut off."""

import json
import random
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the painter's libraries are not installed")
pytest.importorskip("pymorphy3", reason="the extra `training` is not installed")

from training import __main__ as chain  # noqa: E402
from training import (  # noqa: E402
    captions,
    loop,
    report,
    tables,
)
from training.catalogue import (  # noqa: E402
    HALVES,
    Entry,
    drawn,
    everyday,
    halves,
    pair,
    sample,
    singles,
)
from training.classifier import groups, shapes  # noqa: E402
from training.colours import COLOURS  # noqa: E402
from training.crops import CROP, EACH, REUSE, Crops  # noqa: E402
from training.latents import Latents, cut, encoded, tokenizer  # noqa: E402
from training.nets import LENGTH, autoencoder, prior_text_encoder, read  # noqa: E402
from training.objects import Object, load  # noqa: E402
from training.report import Counts, ground_of, table  # noqa: E402
from training.russian import declined  # noqa: E402
from training.shipped import BUILTIN, deepened, text_weights  # noqa: E402
from training.stage_a import decoded  # noqa: E402
from training.trials import trials  # noqa: E402
from training.wording import LANGUAGES, chosen, held_out, synonyms  # noqa: E402


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """Return the everyday objects, each a disc of its own colour."""
    work = tmp_path_factory.mktemp("work")
    labels = tables.lines("everyday")
    described = [{"label": label, "tags": [], "russian": "", "russian_tags": []} for label in labels]
    (work / "objects.json").write_text(json.dumps(described), encoding="utf-8")
    rows, columns = np.mgrid[-64:64, -64:64]
    disc = (rows**2 + columns**2 < 50**2).astype(np.uint8) * 255
    made = np.zeros((len(labels), 128, 128, 4), np.uint8)
    made[..., 3] = disc
    made[..., :3] = np.random.default_rng(0).integers(0, 255, (len(labels), 1, 1, 3))
    np.save(work / "objects.npy", made)
    return load(work)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_table_is_split(language: str) -> None:
    """Each kind of wording has a part that is trained on and one that is held out, by the hash of its text."""
    for name in ("templates", "grounds", "relations"):
        trained, held = (chosen(name, language, held=part) for part in (False, True))
        assert trained
        assert held
        assert not [row for row in trained if held_out(row["text"])]
        assert len(trained) + len(held) == sum(row["language"] == language for row in tables.rows(name))
    assert any(synonyms(language, held=True).values())
    assert any(synonyms(language, held=False).values())


def test_captions_never_hold_what_is_held_out(objects: list[Object], monkeypatch: pytest.MonkeyPatch) -> None:
    """No wording and no name of the report's part is ever used for a caption."""
    used: list[str] = []
    for name in ("filled", "grounded", "related"):
        inner = getattr(captions, name)

        def noting(row: dict[str, str], *rest: Any, inner: Any = inner) -> str:
            used.append(row["text"])
            return str(inner(row, *rest))

        monkeypatch.setattr(captions, name, noting)
    kept = {name for part in LANGUAGES for names in synonyms(part, held=True).values() for name in names}
    random.seed(3)
    both = everyday(objects)
    entries = [*random.sample(list(singles(objects)), 1000), *(pair(both) for _ in range(2000))]
    for entry in entries:
        for language in LANGUAGES:
            captions.caption(entry, objects, language)
            assert not kept & set(objects[entry.first].names[language].common)
    assert len(used) > 3000
    assert not [text for text in used if held_out(text)]


@pytest.mark.parametrize(("language", "name"), [("english", "red fox"), ("russian", "жёлтая звезда")])
def test_no_colour_makes_a_name_that_is_held_out(objects: list[Object], language: str, name: str) -> None:
    """A recoloured object is asked for in other words where its colour and name are held out together."""
    assert held_out(name)
    random.seed(2)
    number = next(
        n for n, thing in enumerate(objects) if name in synonyms(language, held=True).get(thing.label, [])
    )
    tint = {"english": "red", "russian": "yellow"}[language]
    entry = Entry(kind="tint", first=number, tint=tint, weight=1.0)
    texts = [captions.caption(entry, objects, language) for _ in range(200)]
    kept = {form.replace("ё", "е") for form in captions.forms(name, language)}
    assert not [text for text in texts for form in kept if form in text.replace("ё", "е")]


@pytest.mark.parametrize(("language", "label"), [("english", "rose"), ("russian", "swan")])
def test_a_colour_is_not_contradicted(objects: list[Object], language: str, label: str) -> None:
    """Names with a colour of their own are not recoloured."""
    thing = next(thing for thing in objects if thing.label == label)
    seen = {captions.tinted("blue", thing, language) for _ in range(100)}
    assert seen
    assert not [text for text in seen if "red" in text.split() or "белый" in text]


def test_a_relation_that_begins_with_its_place_stands_alone(
    objects: list[Object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No template puts "слева" into a case: there is no "фото слева кота, справа пёс"."""
    entry = Entry(kind="side", first=0, second=2)

    def framed(words: str) -> set[str]:
        monkeypatch.setattr(captions, "content", lambda *_: words)
        return {captions.framed(entry, objects, "russian") for _ in range(200)}

    random.seed(4)
    assert all(text.startswith("слева кот") for text in framed("слева кот, справа пёс"))
    assert any(text.startswith("рисунок кота слева") for text in framed("кот слева, пёс справа"))


def test_the_report_asks_in_held_out_wording(objects: list[Object]) -> None:
    """Every everyday object is asked for in both languages, and pairs both ways."""
    random.seed(1)
    asked = list(trials(objects, everything=False))
    for language in LANGUAGES:
        named = {trial.objects[0] for trial in asked if (trial.what, trial.language) == ("object", language)}
        assert len(named) == len(objects) == 200
    assert {trial.kind for trial in asked} == {"one", "side", "over"}


@pytest.mark.parametrize(
    ("case", "phrase", "form"),
    [
        ("accs", "рыжая лиса", "рыжую лису"),
        ("accs", "розовый слон", "розового слона"),
        ("ablt", "синяя машина", "синей машиной"),
        ("gent", "чашка кофе", "чашки кофе"),
        ("loct", "белый медведь", "белом медведе"),
        ("datv", "кот", "коту"),
        ("nomn", "ёж", "ёж"),
    ],
)
def test_russian_forms(case: str, phrase: str, form: str) -> None:
    """A phrase takes the case of its template, the words after its noun stay."""
    assert declined(phrase, case) == form


def test_a_dropped_merge_leaves_smaller_pieces() -> None:
    """With BPE dropout a word is cut into more pieces; without it always into the same."""
    folder = BUILTIN / "prior"
    word = ["бабочка на синем фоне"]
    plain = cut(word, tokenizer(folder, 0.0))
    assert torch.equal(plain, cut(word, tokenizer(folder, 0.0)))
    dropped = cut(word, tokenizer(folder, 0.9))
    assert (dropped != 4097).sum() > (plain != 4097).sum()


def test_training_draws_every_kind_of_picture(objects: list[Object]) -> None:
    """A third of what is drawn are pairs, of ever new objects; the rest goes by weight."""
    random.seed(6)
    drawn_entries = sample(list(singles(objects)), objects, 2000)
    both = [entry for entry in drawn_entries if entry.kind in HALVES]
    assert 0.3 < len(both) / len(drawn_entries) < 0.4
    assert len({(entry.first, entry.second) for entry in both}) > 0.95 * len(both)


@pytest.mark.parametrize("kind", HALVES)
def test_a_pair_is_put_together_from_its_halves(objects: list[Object], tmp_path: Path, kind: str) -> None:
    """The latents of two halves, joined, are those of the picture of both."""
    wanted = Entry(kind=kind, first=0, second=1, ground="blue")
    entries = [entry for entry in halves(objects[:2]) if entry.ground == "blue"]
    (tmp_path / "vqgan").symlink_to(BUILTIN / "decoder" / "vqgan")
    (tmp_path / "tokenizer").symlink_to(BUILTIN / "prior" / "tokenizer")
    [parts, whole] = (torch.cat(list(encoded(those, objects, tmp_path))) for those in (entries, [wanted]))
    data = Latents(parts, entries, objects, tmp_path)
    assert (data.latents(wanted) - whole[0].float()).square().mean() < 1e-4 * whole.float().var()


def test_a_layer_more_changes_nothing_at_first() -> None:
    """A text encoder with layers that the shipped one lacks reads as that one does."""
    shipped = text_weights(BUILTIN / "prior" / "text_encoder")
    last = max(int(name.split(".")[2]) for name in shipped if name.startswith("encoder.layers."))
    fewer = {name: value for name, value in shipped.items() if f"layers.{last}." not in name}
    grown, short = prior_text_encoder(), prior_text_encoder()
    grown.load_state_dict(deepened(fewer))
    short.load_state_dict(grown.state_dict())
    short.encoder.layers = short.encoder.layers[:last]
    words = torch.randint(4096, (2, LENGTH))
    words[:, 9:] = 4097
    assert torch.allclose(read(grown.eval(), words), read(short.eval(), words), atol=1e-5)


def options(work: Path, steps: int) -> Namespace:
    """Return the options of a tiny training."""
    return Namespace(work=work, rate=1e-2, steps=steps, minutes=1.0, device="cpu")


def trained(work: Path, steps: int, stop_after: int | None = None) -> dict[str, Any]:
    """Train a tiny network, with a crash after some steps; return its averaged weights."""
    torch.manual_seed(5)
    network = torch.nn.Linear(3, 2)
    training = loop.Loop({"net": network}, work / "net.pt", options(work, steps))

    def loss() -> Any:
        if training.step == stop_after:
            raise KeyboardInterrupt
        return network(torch.randn(4, 3)).square().mean()

    return training.run(loss)["net"]


def test_a_killed_training_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with the very weights of one that was never killed."""
    monkeypatch.setattr(loop, "SAVE_EVERY", -1.0)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    wanted = trained(whole, 30)
    with pytest.raises(KeyboardInterrupt):
        trained(broken, 30, stop_after=17)
    found = trained(broken, 30)
    for name, value in wanted.items():
        assert torch.equal(value, found[name])


def test_a_wild_step_is_not_taken(tmp_path: Path) -> None:
    """A loss far beyond the usual one changes no weight; one that stays there is followed in the end."""
    network = torch.nn.Linear(3, 2)
    training = loop.Loop({"net": network}, tmp_path / "net.pt", options(tmp_path, 1))

    def advance(factor: float) -> bool:
        before = network.weight.detach().clone()
        training._advance(
            lambda: factor * (1 + 0 * network(torch.ones(3)).sum() + network.weight.sum() * 1e-3)
        )
        return not torch.equal(before, network.weight)

    assert all(advance(1.0) for _ in range(5))
    assert not advance(1000.0)
    assert not advance(float("nan"))
    assert advance(1.0)
    assert any(advance(1000.0) for _ in range(80))


def test_training_starts_from_bare_weights(tmp_path: Path) -> None:
    """Of shipped weights there are no optimisers: they begin anew, and what is lacking starts at random."""
    weights = {"net": {"weight": torch.full((2, 3), 7.0), "bias": torch.zeros(2)}}
    torch.save({"modules": weights, "average": weights}, tmp_path / "net.pt")
    modules = {"net": torch.nn.Linear(3, 2), "head": torch.nn.Linear(2, 2)}
    training = loop.Loop(modules, tmp_path / "net.pt", options(tmp_path, 1))
    assert training.step == 0
    assert torch.equal(training.average.weights["net"]["weight"], weights["net"]["weight"])
    assert "head" in training.average.weights


def test_what_was_fetched_is_not_fetched_again(tmp_path: Path) -> None:
    """A chain that was cut off begins with the first stage that has something left to do."""
    assert chain.stages(tmp_path, shipped=False)[0] == ["training.prepare"]
    (tmp_path / "objects.json").touch()
    (tmp_path / "tokenizer").mkdir()
    assert chain.stages(tmp_path, shipped=False)[0] == ["training.stage_a"]
    assert ["training.stage_b", "--freeze"] in chain.stages(tmp_path, shipped=True)


def test_crops_keep_latents_on_their_pixels() -> None:
    """Each latent of a crop is that of the pixels it covers."""
    latents = torch.arange(2 * 3 * 32 * 32.0).reshape(2, 3, 32, 32)
    pictures = latents.repeat_interleave(EACH, -1).repeat_interleave(EACH, -2)
    pools: list[int] = []

    def pool() -> tuple[torch.Tensor, torch.Tensor]:
        pools.append(1)
        return pictures, latents

    crops = Crops(pool, 5)
    for _ in range(REUSE + 1):
        seen, known = crops.draw()
        assert known.shape == (5, 3, CROP, CROP)
        assert torch.equal(seen, known.repeat_interleave(EACH, -1).repeat_interleave(EACH, -2))
    assert len(pools) == 2


def test_training_decodes_as_painting_does() -> None:
    """In fp32 stage A makes of latents what the network's own `decode` makes of them."""
    network, latents = autoencoder().eval(), torch.randn(2, 4, 8, 8)
    made = decoded(network, latents, Namespace(device="cpu", precision="fp32"))
    assert made.shape == (2, 3, 8 * EACH, 8 * EACH)
    assert torch.allclose(made, network.decode(latents).sample, atol=1e-5)


@pytest.mark.parametrize("ground", COLOURS)
def test_the_report_tells_grounds(objects: list[Object], ground: str) -> None:
    """Every ground of a true render is told from the others."""
    picture = drawn(Entry(kind="one", first=0, ground=ground, weight=1.0), objects)
    assert ground_of(torch.from_numpy(picture.copy()).permute(2, 0, 1) / 255) == ground


@pytest.mark.parametrize("kind", ["side", "over"])
def test_the_report_looks_where_each_of_two_belongs(objects: list[Object], kind: str) -> None:
    """The middle of each half has the colour of its object."""
    picture = drawn(Entry(kind=kind, first=0, second=1, weight=1.0), objects)
    seen = report.halves(torch.from_numpy(picture.copy()).permute(2, 0, 1).float(), kind)
    for number, half in enumerate(seen):
        assert half.shape == (3, report.HALF, report.HALF)
        colour = torch.from_numpy(objects[number].shape[64, 64, :3].copy()).float()
        assert (half[:, report.HALF // 2, report.HALF // 2] - colour).abs().max() < 3


def test_objects_that_look_alike_count_as_one(objects: list[Object]) -> None:
    """Near-duplicates share a group, others have their own."""
    twins = shapes([objects[0], objects[1], objects[0]])
    assert groups(twins).tolist() == [0, 1, 0]


def test_the_table_counts_both_languages() -> None:
    """A row has the share of all, and of each language with its count."""
    counts = Counts(
        {("object", "english", True): 3, ("object", "english", False): 1, ("object", "russian", True): 4}
    )
    [head, row] = table(counts)
    assert head.startswith("| what |")
    assert "87.5 %" in row
    assert "75.0 % of 4 | 100.0 % of 4 | 90 %" in row

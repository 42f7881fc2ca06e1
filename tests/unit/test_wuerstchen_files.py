"""Where a Würstchen checkpoint is looked for, and what is said where it is not."""

from pathlib import Path

import pytest

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters.wuerstchen_files import find_checkpoint, read_json, read_numbers


def test_built_in() -> None:
    """No source means the model in this package."""
    folders = find_checkpoint("")
    assert read_numbers(folders)["resolution_multiple"] == 32.0
    assert (folders.prior.name, folders.decoder.name) == ("prior", "decoder")


def test_folder(tmp_path: Path) -> None:
    """A folder that is there is taken, whatever its name looks like."""
    folder = tmp_path / "warp-ai" / "wuerstchen"
    folder.mkdir(parents=True)
    assert find_checkpoint(str(folder)).decoder == folder / "decoder"


@pytest.mark.parametrize(
    "source",
    ["/no/such/folder", "./nothing", "~/nothing-here", "~nobody-here/x", "justaname", "a/b/c", "a b/c"],
)
def test_neither_folder_nor_name(source: str) -> None:
    """What is neither a folder nor a name on the hub is named in the error, and nobody is asked for it."""
    with pytest.raises(PaintFailed) as failed:
        find_checkpoint(source)
    assert failed.value.key == "model-not-found"
    assert failed.value.args_by_name == {"source": source}


@pytest.mark.parametrize("text", ["", "{", "[]", "\udcff"])
def test_broken_json(tmp_path: Path, text: str) -> None:
    """A broken file of a checkpoint is told with its path."""
    path = tmp_path / "model_index.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(PaintFailed, match=r"model-file-broken.*model_index"):
        read_json(path)


def test_not_a_checkpoint(tmp_path: Path) -> None:
    """A folder without a model is told by the file that it lacks."""
    with pytest.raises(PaintFailed, match=r"model-file-missing.*prior/model_index\.json"):
        read_numbers(find_checkpoint(str(tmp_path)))


def test_no_number(tmp_path: Path) -> None:
    """A number of a checkpoint that is none is told with its file."""
    for half in ("prior", "decoder"):
        (tmp_path / half).mkdir()
        (tmp_path / half / "model_index.json").write_text('{"latent_mean": null}')
    with pytest.raises(PaintFailed, match=r"model-file-broken.*prior/model_index"):
        read_numbers(find_checkpoint(str(tmp_path)))

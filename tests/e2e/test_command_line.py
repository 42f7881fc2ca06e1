"""The command line: what is wrong is told in one sentence, with exit code 2 and no traceback."""

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.service import Service


def prompt2pic(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder of its own and return what came of it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PROMPT2PIC_")}
    environment |= {"PROMPT2PIC_PAINTER": "stub:0.05", "PROMPT2PIC_LANGUAGE": "en"}
    environment |= {f"PROMPT2PIC_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "prompt2pic", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def told(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence that a refused command says."""
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr + done.stdout
    sentences = [line for line in done.stderr.splitlines() if line.startswith("prompt2pic: ")]
    assert len(sentences) == 1, done.stderr
    return sentences[0]


@pytest.mark.parametrize(
    ("arguments", "settings", "word"),
    [
        (["run", "--port", "99999"], {}, "65535"),
        (["run", "--workers", "-1"], {}, "0"),
        (["run"], {"painter": "dalle"}, "wuerstchen"),
        (["run"], {"painter": "stub:soon"}, "stub"),
        (["run"], {"log": "postgres://x"}, "sqlite:///"),
        (["run"], {"store": "ftp://x"}, "s3://"),
        (["run"], {"quota_day": "many"}, "whole number"),
        (["run"], {"painterr": "x"}, "PROMPT2PIC_PAINTER"),
        (["run", "--data", "/proc/nowhere"], {}, "/proc/nowhere"),
        (["run"], {"host": "0.0.0.0"}, "PROMPT2PIC_API_KEYS"),  # noqa: S104 - the point of this case
        (["worker"], {"painter": "wuerstchen:/no/such/folder"}, "/no/such/folder"),
        (["worker"], {"store": "s3://bucket/prefix"}, "S3"),
        (["paint", ""], {}, ""),
        (["paint", "x" * 1001], {}, "1,000"),
        (["paint", "кот --seed x"], {}, "--seed 42"),
        (["paint", "кот --wings 2"], {}, "--wings"),
        (["paint", "кот", "--size", "big"], {}, "1024x768"),
        (["paint", "кот", "-n", "99"], {}, "10"),
        (["paint", "кот", "--level", "superb"], {}, "superb"),
        (["paint", "кот", "-o", "/no/such/folder/cat.png"], {}, "/no/such/folder"),
        (["paint", "кот"], {"painter": "wuerstchen:/no/such/folder"}, "/no/such/folder"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_what_is_wrong_is_one_sentence(
    tmp_path: Path, arguments: list[str], settings: dict[str, str], word: str
) -> None:
    """Each wrong setting, option or place is named in one sentence."""
    assert word in told(prompt2pic(tmp_path, *arguments, **settings))


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """A port that another program has is named, with the setting that changes it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sentence = told(prompt2pic(tmp_path, "run", "--port", str(port)))
    assert str(port) in sentence
    assert "PROMPT2PIC_PORT" in sentence


@pytest.mark.parametrize("command", ["web", "worker"])
def test_a_database_of_another_program_is_left_alone(tmp_path: Path, command: str) -> None:
    """Another program's database is refused by name and not written to."""
    path = tmp_path / "data" / "log.sqlite3"
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("create table accounts (name text)")
    connection.close()
    before = path.read_bytes()
    assert str(path) in told(prompt2pic(tmp_path, command, port="0"))
    assert path.read_bytes() == before


def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    """A file that is no database is refused by name and not written to."""
    path = tmp_path / "data" / "log.sqlite3"
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)
    assert str(path) in told(prompt2pic(tmp_path, "worker"))
    assert path.read_bytes() == b"no database at all" * 100


def test_a_wrong_env_file_is_named(tmp_path: Path) -> None:
    """A misspelt name in `.env` is answered with the nearest right one."""
    (tmp_path / ".env").write_text("PROMPT2PIC_PROT=8081\n")
    assert "PROMPT2PIC_PORT" in told(prompt2pic(tmp_path, "doctor"))


def test_run_ends_when_a_process_can_not_start(tmp_path: Path) -> None:
    """`run` with a model that is not there ends by itself with the worker's sentence."""
    done = prompt2pic(tmp_path, "run", "--port", "0", painter="wuerstchen:/no/such/folder")
    assert "/no/such/folder" in told(done)


def test_paint_writes_pictures(tmp_path: Path) -> None:
    """`paint` needs no queue, no server and no data folder; the same seed gives the same file."""
    for name in ("a.png", "b.png"):
        done = prompt2pic(tmp_path, "paint", "кот --seed 3 --size 96x64", "-o", name)
        assert (done.returncode, name in done.stdout) == (0, True), done.stderr
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_paint_writes_several(tmp_path: Path) -> None:
    """Several pictures are numbered."""
    assert prompt2pic(tmp_path, "paint", "кот", "-n", "2", "-o", "cat.png").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cat-2.png", "cat.png"]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_doctor_finds_all_well(tmp_path: Path, language: str) -> None:
    """`doctor` says of each part, in one line, that it is fine."""
    done = prompt2pic(tmp_path, "doctor", "--language", language, port="0")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 7
    assert all(line.startswith("✓ ") for line in lines)


def test_doctor_looks_at_the_port_of_metrics(tmp_path: Path) -> None:
    """A port that is free is told beside the page's, one that is taken is named."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        taken.listen()
        busy = prompt2pic(tmp_path, "doctor", port="0", metrics_port=port).stdout.splitlines()
    free = prompt2pic(tmp_path, "doctor", port="0", metrics_port=port).stdout.splitlines()
    assert [line[0] for line in (busy[5], free[5])] == ["✗", "✓"]
    assert all(port in line for line in (busy[5], free[5]))
    assert "PROMPT2PIC_METRICS_PORT" in busy[5]


def test_doctor_tells_what_to_do(tmp_path: Path) -> None:
    """`doctor` marks what is wrong, says what to do, and goes on with the rest."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "pictures").write_text("a file where the folder should be")
    done = prompt2pic(tmp_path, "doctor", port="0", painter="wuerstchen:/no/such/folder")
    lines = done.stdout.splitlines()
    assert done.returncode == 2
    assert [line[0] for line in lines] == ["✓", "✓", "✗", "✗", "✓", "✓"]


def test_doctor_looks_at_a_running_service(tmp_path: Path) -> None:
    """`doctor` beside a running service says that its port is taken and harms nothing."""
    with Service(tmp_path / "data", painter="stub:0.05") as service:
        done = prompt2pic(tmp_path, "doctor", data=str(service.data), port=str(service.port))
        assert [line[0] for line in done.stdout.splitlines()] == ["✓", "✓", "✓", "✓", "✓", "✗", "✓"]
        assert service.ended(service.ask()["id"])["status"] == "succeeded"


def test_help_shows_examples(tmp_path: Path) -> None:
    """`--help` lists the commands and shows examples."""
    done = prompt2pic(tmp_path, "--help")
    assert done.returncode == 0
    assert 'prompt2pic paint "Закат над океаном"' in done.stdout

"""Exports go to a hub: in private, whole, with a card that tells of data and licences."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fake_hub import Hub, Repo, fake_hub
from huggingface_hub import ModelCard, constants

from rosearch.cli import main as cli
from rosearch.config import TaskConfig
from rosearch.errors import UserError
from rosearch.export import bundle, provenance
from rosearch.export.hub import contents, find_target, push
from rosearch.export.provenance import of_data, of_model, with_licence

TOKEN = "hf_" + "a" * 34


@pytest.fixture
def hub(monkeypatch):
    """A hub that this process uses, and the token of its user `ada`."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # xet has servers of its own
    with fake_hub({TOKEN: "ada"}) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        yield hub


def run_export(monkeypatch, *args: object) -> int:
    command = ["rosearch", "export", *map(str, args), "--n", "2"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code


@pytest.fixture
def folder(onnx) -> Path:
    return onnx.out


def test_an_export_is_pushed_in_private_with_all_of_its_files(
    hub: Hub, student, bert, tmp_path, monkeypatch, capsys
):
    (bert / "README.md").write_text("---\nlicense: cc-by-4.0\nbase_model: up/stream\n---\n# x\n")
    out = tmp_path / "out"
    to = ("--push-to-hub", "small")
    code = run_export(monkeypatch, student, "--format", "hf", "--out", out, "--teacher", bert, *to)
    (bert / "README.md").unlink()
    told = capsys.readouterr()
    assert code == 0, told.err
    repo = hub.repos["ada/small"]
    assert repo.private and repo.commits == ["Export of rosearch"]
    assert repo.files == {path: (out / path).read_bytes() for path, _ in contents(out)}
    assert f"PUT /blobs/{next(iter(hub.blobs))}" in hub.asked  # the weights
    assert f"pushed to ada/small (private): {hub.url}/ada/small/commit/" in told.err
    assert TOKEN not in told.out + told.err
    for content in repo.files.values():
        assert TOKEN.encode() not in content and str(tmp_path).encode() not in content
    card = ModelCard(repo.files["README.md"].decode())
    assert (card.data.license, card.data.base_model) == ("cc-by-4.0", "up/stream")
    assert card.data.model_name == student.name and len(card.data.eval_results) >= 4
    assert "| data | `mr` | https://pypi.org/project/vaderSentiment | MIT |" in card.text
    assert "https://huggingface.co/up/stream | cc-by-4.0 |" in card.text


def test_a_dry_run_tells_what_would_go_and_asks_nobody(
    hub: Hub, bert, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    to = ("--push-to-hub", "ada/small", "--dry-run")
    assert run_export(monkeypatch, bert, "--format", "hf", "--out", out, *to) == 0
    told = capsys.readouterr().err
    assert "would push to ada/small (private):" in told
    for path, size in contents(out):
        assert f"  {path} ({size:,} bytes)\n" in told
    assert "data: mr, licence: MIT" in told
    assert "made of: tiny-bert, licence: not told" in told
    assert f"hf upload ada/small {out} --private" in told
    assert not hub.asked


def test_the_uploader_of_many_commits_does_too(hub: Hub, folder, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    hub.lfs = False
    push(folder, find_target("small", private=False))
    assert not hub.repos["ada/small"].private
    assert hub.repos["ada/small"].files.keys() == {path for path, _ in contents(folder)}


def test_what_is_private_never_goes_to_a_public_repository(hub: Hub, folder):
    hub.repos["ada/open"] = Repo(private=False, files={"mine.txt": b"x"})
    with pytest.raises(UserError, match="public: give --public"):
        find_target("open", private=True)
    push(folder, find_target("open", private=False))
    assert hub.repos["ada/open"].files["mine.txt"] == b"x"  # of the owner: stays


def test_a_hub_that_refuses_is_told_in_one_line(hub: Hub, folder, monkeypatch):
    with pytest.raises(UserError, match=r"the hub refused bob/small: .*403.*to go on: hf upload"):
        push(folder, find_target("bob/small", private=True))
    hub.refused["/commit/"] = 400
    with pytest.raises(UserError, match="the hub refused ada/small"):
        push(folder, find_target("small", private=True))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="the hub was not reached for small"):
        find_target("small", private=True)


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (("--push-to-hub", "a/b/c"), "--push-to-hub 'a/b/c': "),
        (("--dry-run",), "are of --push-to-hub NAME"),
        (("--public",), "are of --push-to-hub NAME"),
    ],
)
def test_bad_arguments_are_refused_before_the_work(
    args: tuple[str, ...], part: str, bert, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(bundle, "find_source", None)  # would fail
    code = run_export(monkeypatch, bert, "--format", "hf", "--out", tmp_path / "out", *args)
    assert code == 2 and part in capsys.readouterr().err


def test_without_a_token_it_says_how_to_get_one(hub: Hub, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(UserError, match="hf auth login"):
        find_target("small", private=True)
    assert not hub.asked


def test_no_place_of_this_machine_is_told(tmp_path):
    here = tmp_path / "models" / "mine"
    assert of_model(str(here)).name == "mine"  # gone, as the run that names it may outlive it
    assert of_data(TaskConfig(train=str(tmp_path / "reviews.csv")), "reviews").hub == ""
    minilm = of_model("minilm")
    assert minilm.licence == "Apache-2.0" and minilm.hub.endswith("all-MiniLM-L6-v2")


def test_licences_of_the_hub_are_asked_for_once_they_are_needed(hub: Hub):
    hub.licences["up/stream"] = "mit"
    assert with_licence(of_model("up/stream"), "model").licence == "mit"
    assert with_licence(of_model("not/there"), "model").licence == ""
    assert provenance.with_licence(of_model("minilm"), "model") == of_model("minilm")
    assert hub.asked == ["GET /api/models/up/stream", "GET /api/models/not/there"]

"""The log of an image, undo, and agreement, as a person meets them."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from curator.annotators import RULES
from curator.errors import CuratorError
from curator.jobs.agreement import label_agreement, label_consensus
from curator.jobs.audit import audit
from curator.jobs.embed import embed
from curator.jobs.label_history import in_words, label_log, undo_labels
from curator.jobs.labels import import_labels
from curator.store import Workspace
from curator_cli import main
from curator_cli._label_agreement import consensus_command

from .conftest import ProjectionEncoder

ON_EVERY_DATABASE = True


@pytest.fixture
def embedded(workspace: Workspace, encoder: ProjectionEncoder) -> Workspace:
    embed(workspace)
    return workspace


def give(workspace: Workspace, tmp_path: Path, name: str, *rows: str) -> None:
    file = tmp_path / name
    file.write_text("\n".join(["path,label,annotator", *rows]))
    import_labels(workspace, file)


def labels_of(workspace: Workspace) -> dict[str, str]:
    return {row.path: row.label for row in workspace.labels.rows()}


def test_the_log_says_who_when_from_where(tmp_path: Path, embedded: Workspace) -> None:
    give(embedded, tmp_path, "first.csv", "cat/00.png,dog,ann")
    give(embedded, tmp_path, "second.csv", "cat/00.png,cat,ann")
    history = label_log(embedded, "photos/cat/00.png")
    assert (history.path, history.label, history.rule) == ("cat/00.png", "cat", "majority")
    assert history.log[["annotator", "label", "source", "state"]].to_numpy().tolist() == [
        ["ann", "dog", "csv:first.csv", "replaced"],
        ["ann", "cat", "csv:second.csv", "current"],
    ]
    assert history.log.created_at.is_monotonic_increasing


def test_a_renamed_image_is_found_by_its_content(tmp_path: Path, embedded: Workspace, photos: Path) -> None:
    give(embedded, tmp_path, "a.csv", "cat/00.png,cat,ann")
    content = label_log(embedded, "cat/00.png").log.id.item()
    (photos / "cat" / "00.png").rename(photos / "moved.png")
    assert label_log(embedded, "moved.png").label == "cat", "before it is embedded anew"
    embed(embedded)
    for name in ("moved.png", "cat/00.png", content):
        history = label_log(embedded, name)
        assert (history.path, history.label, len(history.log)) == ("moved.png", "cat", 1)


def test_an_image_without_a_word_has_an_empty_log(embedded: Workspace) -> None:
    history = label_log(embedded, "cat/00.png")
    assert (history.path, history.label, len(history.log)) == ("cat/00.png", None, 0)
    with pytest.raises(CuratorError, match=r"no image 'nowhere.png'"):
        label_log(embedded, "nowhere.png")


def test_undo_says_what_it_took_back(tmp_path: Path, embedded: Workspace) -> None:
    give(embedded, tmp_path, "a.csv", "cat/00.png,cat,ann", "cat/01.png,cat,ann")
    embed(embedded, labels_from_folders=True)
    assert [in_words(act) for act in undo_labels(embedded, 2)] == [
        "labels from folders",
        "the import of a.csv",
    ]
    assert labels_of(embedded) == {}
    with pytest.raises(CuratorError, match="no label by 'bob' to take back"):
        undo_labels(embedded, annotator="bob")


def test_what_was_taken_back_can_be_imported_again(tmp_path: Path, embedded: Workspace) -> None:
    give(embedded, tmp_path, "a.csv", "cat/00.png,cat,ann")
    undo_labels(embedded)
    give(embedded, tmp_path, "a.csv", "cat/00.png,cat,ann")
    assert labels_of(embedded) == {"cat/00.png": "cat"}


def three_annotators(workspace: Workspace, tmp_path: Path) -> None:
    """Ann and Bob agree, Cyd takes dogs for cats."""
    paths = [f"{kind}/{number:02}.png" for kind in ("cat", "dog", "eel") for number in range(6)]
    for name in ("ann", "bob", "cyd"):
        rows = [
            f"{path},{path[:3] if name != 'cyd' else path[:3].replace('dog', 'cat')},{name}" for path in paths
        ]
        give(workspace, tmp_path, f"{name}.csv", *rows)


def test_agreement_names_who_confuses_what(tmp_path: Path, embedded: Workspace) -> None:
    three_annotators(embedded, tmp_path)
    report = label_agreement(embedded)
    assert (report.images, report.labelled_by_several, report.contested) == (18, 18, 6)
    assert report.annotators.agreement_with_consensus.tolist() == pytest.approx([1, 1, 2 / 3])
    assert report.annotators.quality.is_monotonic_decreasing
    assert report.confusions.to_numpy().tolist() == [["cyd", "dog", "cat", 6]]
    assert report.pairs.kappa.tolist() == pytest.approx([1, 0.5, 0.5])


def test_the_audit_weighs_annotators_by_their_quality(tmp_path: Path, embedded: Workspace) -> None:
    three_annotators(embedded, tmp_path)
    summary, _ = audit(embedded)
    quality = summary.annotator_quality
    assert list(quality) == ["ann", "bob", "cyd"]
    assert quality["ann"] == pytest.approx(quality["bob"])
    assert quality["cyd"] < 0.8 < quality["ann"]
    undo_labels(embedded, 2)
    assert audit(embedded)[0].annotator_quality == {}, "one annotator says nothing of the others"


def test_the_rule_can_be_changed_and_back(tmp_path: Path, embedded: Workspace) -> None:
    three_annotators(embedded, tmp_path)
    before = labels_of(embedded)
    assert label_consensus(embedded, "last").changed == 6
    assert labels_of(embedded)["dog/00.png"] == "cat"
    assert label_consensus(embedded, "dawid-skene").changed == 6
    assert labels_of(embedded) == before
    assert label_consensus(embedded).rule == "dawid-skene"
    with pytest.raises(CuratorError, match="choose one of"):
        label_consensus(embedded, "loudest")


def test_the_command_offers_every_rule() -> None:
    (choices,) = (parameter.type for parameter in consensus_command.params if parameter.name == "rule")
    assert isinstance(choices, click.Choice)
    assert list(choices.choices) == list(RULES)


def test_commands_print_tables_and_json(tmp_path: Path, embedded: Workspace) -> None:
    three_annotators(embedded, tmp_path)

    def run(*words: str) -> str:
        result = CliRunner().invoke(main, ["label", *words, "-w", str(embedded.folder)])
        assert result.exit_code == 0, result.output
        return result.stdout

    log = json.loads(run("log", "dog/00.png", "--json"))["label_log"]
    assert (log["label"], [entry["annotator"] for entry in log["log"]]) == ("dog", ["ann", "bob", "cyd"])
    assert run("log", "dog/00.png").startswith("event,path,created_at,annotator,label,source,state,id\n")
    found = json.loads(run("agreement", "--json"))["agreement"]
    assert found["alpha"] == pytest.approx(label_agreement(embedded).alpha)
    assert "cyd" in run("agreement")
    assert run("consensus") == "majority\n"
    assert json.loads(run("consensus", "last", "--json"))["consensus"]["changed"] == 6
    (act,) = json.loads(run("undo", "--annotator", "cyd", "--json"))["undone"]
    assert (act["source"], act["labels"]) == ("csv:cyd.csv", 18)
    assert run("undo", "2") == ""
    assert labels_of(embedded) == {}

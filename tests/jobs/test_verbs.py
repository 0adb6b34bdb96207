"""propagate, query, audit and status on a workspace: tables as the contract says, from current labels."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curator.audits import SIGNALS
from curator.errors import CuratorError, MissingWorkError
from curator.jobs import query as query_module
from curator.jobs.agreement import label_agreement
from curator.jobs.audit import audit
from curator.jobs.duplicates import duplicates
from curator.jobs.embed import embed
from curator.jobs.labels import export_labels, import_labels
from curator.jobs.propagate import propagate
from curator.jobs.query import query
from curator.jobs.status import status
from curator.store import Workspace

from .conftest import ProjectionEncoder, picture

ON_EVERY_DATABASE = True


@pytest.fixture
def embedded(workspace: Workspace, encoder: ProjectionEncoder) -> Workspace:
    embed(workspace)
    return workspace


@pytest.fixture
def labelled(workspace: Workspace, encoder: ProjectionEncoder) -> Workspace:
    embed(workspace, labels_from_folders=True)
    return workspace


def give(workspace: Workspace, tmp_path: Path, **labels: str) -> None:
    """Label images by path, with / written as __ and .png left out."""
    lines = [f"{path.replace('__', '/')}.png,{label}" for path, label in labels.items()]
    file = tmp_path / "given.csv"
    file.write_text("\n".join(["path,label", *lines]))
    import_labels(workspace, file)


def folder_of(paths: pd.Series) -> list[str]:
    return [path.split("/")[0] for path in paths]


def test_few_labels_spread_to_all(tmp_path: Path, embedded: Workspace) -> None:
    give(embedded, tmp_path, cat__00="cat", dog__00="dog", eel__00="eel")
    report, frame = propagate(embedded, output=tmp_path / "predictions.csv")
    assert (report.images, report.labelled, report.classes) == (60, 3, 3)
    assert report.confidence_margin is None  # three labels leave none to check with
    assert list(frame.columns) == ["path", "predicted_label", "confidence", "given_label", "id"]
    assert list(frame.path) == sorted(frame.path)
    assert np.mean(frame.predicted_label == folder_of(frame.path)) >= 0.95
    assert frame.confidence.between(0, 1).all()
    assert list(frame.given_label[frame.given_label != ""]) == ["cat", "dog", "eel"]
    stored = pd.read_csv(tmp_path / "predictions.csv", keep_default_na=False)
    assert list(stored.predicted_label) == list(frame.predicted_label)


def test_query_before_any_label_finds_every_class(tmp_path: Path, embedded: Workspace) -> None:
    report, frame = query(embedded, 6, output=tmp_path / "to_label.csv")
    assert list(frame.columns[:6]) == ["rank", "path", "score", "strategy", "predicted_label", "confidence"]
    assert {"label", "id", "reason"} <= set(frame.columns)
    assert list(frame["rank"]) == [1, 2, 3, 4, 5, 6]
    assert set(folder_of(frame.path)) == {"cat", "dog", "eel"}
    assert (frame.predicted_label == "").all()
    assert report.chosen == 6
    assert all(frame.reason)


def test_annotators_get_different_images_unless_overlap_is_asked_for(
    tmp_path: Path, embedded: Workspace
) -> None:
    ann = query(embedded, 6, annotator="ann")[1]
    bob = query(embedded, 6, annotator="bob")[1]
    assert set(ann.path).isdisjoint(bob.path)
    assert set(query(embedded, 6, annotator="ann")[1].path).isdisjoint(bob.path)
    assert list(ann["rank"]) == list(bob["rank"]) == [1, 2, 3, 4, 5, 6]
    cyd = query(embedded, 6, annotator="cyd", overlap=0.5)[1]
    held = {image.path for image in embedded.catalog.by_ids(embedded.assignments.held_by_others("cyd"))}
    assert len(set(cyd.path) & held) == 3
    with pytest.raises(CuratorError, match="--annotator"):
        query(embedded, 6, overlap=0.5)


def test_overlap_asks_about_what_others_have_labelled_without_telling_what_they_said(
    tmp_path: Path, embedded: Workspace
) -> None:
    give(embedded, tmp_path, cat__00="cat", dog__00="dog", eel__00="eel")
    report, frame = query(embedded, 6, annotator="bob", overlap=0.5)
    assert report.chosen == 6
    compared = frame[frame.reason == "others have labelled it: to measure agreement"]
    assert set(compared.path) == {"cat/00.png", "dog/00.png", "eel/00.png"}
    assert (compared.predicted_label == "").all()
    assert compared.score.isna().all()
    frame["label"] = folder_of(frame.path)
    frame.to_csv(tmp_path / "bob.csv", index=False)
    import_labels(embedded, tmp_path / "bob.csv", annotator="bob")
    assert label_agreement(embedded).labelled_by_several == 3
    assert embedded.assignments.held("bob") == []


def test_filled_in_query_goes_back_in(tmp_path: Path, embedded: Workspace) -> None:
    file = tmp_path / "to_label.csv"
    query(embedded, 6, output=file)
    table = pd.read_csv(file, keep_default_na=False)
    table["label"] = folder_of(table.path)
    table.loc[5, "label"] = ""
    table.to_csv(file, index=False)
    assert import_labels(embedded, file).labels == 5
    again, frame = query(embedded, 60)
    assert (again.asked, again.chosen) == (60, 55)
    assert not set(table.path[:5]) & set(frame.path)
    assert (frame.predicted_label != "").all()


def test_query_says_what_more_labels_should_gain_once_there_are_enough(
    tmp_path: Path, embedded: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, frame = query(embedded, 56)
    assert first.gain is None
    give(embedded, tmp_path, **{path.replace("/", "__")[:-4]: path[:3] for path in frame.path})
    gain = query(embedded, 2)[0].gain
    assert gain is not None
    assert gain.more == 4
    assert 0 <= gain.low <= gain.estimate <= gain.high
    monkeypatch.setattr(query_module, "_MOST_JUDGED", 59)
    assert query(embedded, 2)[0].gain is None


def test_answers_are_not_overwritten(tmp_path: Path, embedded: Workspace) -> None:
    query(embedded, 6, output=tmp_path / "to_label.csv")
    with pytest.raises(CuratorError, match="--overwrite"):
        query(embedded, 6, output=tmp_path / "to_label.csv")


def test_planted_errors_top_the_suspects(tmp_path: Path, labelled: Workspace) -> None:
    give(labelled, tmp_path, cat__03="dog", dog__05="eel", eel__07="cat")
    summary, frame = audit(labelled, output=tmp_path / "suspects.csv")
    columns = ["rank", "path", "given_label", "suggested_label", "error_probability", "neighbor_agreement"]
    assert list(frame.columns[:6]) == columns
    assert set(frame.path[:3]) == {"cat/03.png", "dog/05.png", "eel/07.png"}
    assert list(frame.suggested_label[:3]) == folder_of(frame.path[:3])
    assert (frame.error_probability.diff().dropna() <= 0).all()
    assert summary.errors_low <= 3 <= summary.errors_high
    everything = audit(labelled, everything=True)[1]
    assert len(everything) == 60


@pytest.mark.parametrize("verb", [propagate, audit])
def test_verbs_that_need_labels_say_how_to_get_them(embedded: Workspace, verb: object) -> None:
    with pytest.raises(MissingWorkError, match="no labels"):
        verb(embedded)  # type: ignore[operator]


@pytest.mark.parametrize("verb", [propagate, audit, lambda workspace: query(workspace, 5)])
def test_verbs_before_embed_say_so(workspace: Workspace, verb: object) -> None:
    with pytest.raises(MissingWorkError, match="curator embed"):
        verb(workspace)  # type: ignore[operator]


def test_one_class_only_is_no_crash(tmp_path: Path, embedded: Workspace) -> None:
    give(embedded, tmp_path, cat__00="cat", cat__01="cat")
    _, frame = propagate(embedded)
    assert set(frame.predicted_label) == {"cat"}
    assert audit(embedded)[0].labels == 2
    assert len(query(embedded, 5)[1]) == 5
    assert status(embedded).encoders[0].knn_accuracy is None


def test_everything_labelled_leaves_nothing_to_query(labelled: Workspace) -> None:
    with pytest.raises(CuratorError, match="label"):
        query(labelled, 5)


def test_same_seed_same_table(embedded: Workspace) -> None:
    first, second = (query(embedded, 10, strategy="random", seed=3)[1] for _ in range(2))
    assert first.equals(second)
    assert list(query(embedded, 10, strategy="random", seed=4)[1].path) != list(first.path)


def test_status_follows_the_loop(tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder) -> None:
    assert status(workspace).next_step.startswith("curator embed")
    embed(workspace)
    assert "curator query" in status(workspace).next_step
    give(workspace, tmp_path, cat__00="cat", cat__01="cat", dog__00="dog", dog__01="dog")
    labelled = status(workspace)
    assert "curator propagate" in labelled.next_step
    assert labelled.stale == [], "what never was is not stale"
    assert labelled.encoders[0].knn_accuracy == 1.0
    propagate(workspace)
    assert "curator audit" in status(workspace).next_step
    assert status(workspace).stale == []
    audit(workspace)
    assert "curator duplicates" in status(workspace).next_step
    duplicates(workspace)
    assert "curator query" in status(workspace).next_step
    give(workspace, tmp_path, eel__00="eel")
    again = status(workspace)
    assert not again.propagated
    assert any("propagation" in line for line in again.stale)


def test_status_names_a_file_that_does_not_exist_yet(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, embedded: Workspace
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status(embedded).next_step.endswith("--output to_label.csv")
    (tmp_path / "to_label.csv").touch()
    assert status(embedded).next_step.endswith("--output to_label-2.csv")


def test_one_file_under_two_labels_heads_the_suspects(
    workspace: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    for number in range(5):
        copied = (photos / "cat" / f"{number:02}.png").read_bytes()
        (photos / "dog" / f"copy{number}.png").write_bytes(copied)
    report = embed(workspace, labels_from_folders=True)
    assert (report.images, report.embedded, report.reused, report.copies) == (65, 60, 0, 5)
    _, frame = audit(workspace, everything=True)
    copies = frame[frame.reason.str.startswith("the same file as ")]
    assert len(copies) == 10
    pairs = copies[copies.path.str.startswith("dog/copy")]
    assert (pairs.error_probability > 0.5).all()
    assert (pairs.suggested_label == "cat").all()
    assert set(frame.path[:5]) == set(pairs.path)
    assert copies.reason[copies.path == "cat/00.png"].item() == (
        "the same file as dog/copy0.png, which is labelled dog"
    )


def test_the_workspace_may_be_named_by_its_parent(embedded: Workspace) -> None:
    assert Workspace.open(embedded.folder.parent).folder == embedded.folder


def test_status_says_when_images_change_after_they_were_labelled(
    labelled: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    (photos / "cat" / "00.png").write_bytes((photos / "dog" / "00.png").read_bytes())
    embed(labelled)
    assert status(labelled).changed_since_labelled == 1


def test_labels_of_gone_images_stay_in_the_log_and_out_of_the_way(
    labelled: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    (photos / "eel" / "00.png").unlink()
    embed(labelled)
    assert status(labelled).labelled == 59
    assert len(labelled.labels.current()) == 60


def answered(file: Path, labels: dict[str, str], rows: int | None = None) -> None:
    """Fill in the first rows of a list with what is true, by path."""
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    table["label"] = [
        labels[path] if rows is None or place < rows else "" for place, path in enumerate(table.path)
    ]
    table.to_csv(file, index=False)


def test_verdicts_on_a_sample_give_the_count(tmp_path: Path, labelled: Workspace) -> None:
    truth = {row.path: row.label for row in labelled.labels.rows()}
    give(labelled, tmp_path, cat__03="dog", dog__05="eel", eel__07="cat")
    before, _ = audit(labelled)
    assert (before.checked, before.judged) == (0, 0)
    assert before.rows_to_check > 0
    file = tmp_path / "sample.csv"
    summary, frame = audit(labelled, sample=40, output=file)
    assert (summary.listed, len(frame)) == (40, 40)
    assert list(frame.columns) == list(audit(labelled)[1].columns)
    assert not frame.error_probability.is_monotonic_decreasing, "whoever stops early has judged at random"
    answered(file, truth, rows=30)
    assert import_labels(labelled, file).labels == 30, "a label left as it is has been judged, too"
    after, suspects = audit(labelled)
    assert (after.checked, after.judged) == (30, 30)
    assert not set(frame.path[:30]) & set(suspects.path)
    left = 3 - sum(path in {"cat/03.png", "dog/05.png", "eel/07.png"} for path in frame.path[:30])
    assert after.errors_low <= left <= after.errors_high
    assert import_labels(labelled, file).unchanged == 30
    again = audit(labelled, sample=60)[1]
    assert set(again.path) == set(truth) - set(frame.path[:30])


def test_a_whole_sample_of_all_labels_leaves_nothing_to_estimate(tmp_path: Path, labelled: Workspace) -> None:
    truth = {row.path: row.label for row in labelled.labels.rows()}
    give(labelled, tmp_path, cat__03="dog", dog__05="eel")
    audit(labelled, sample=100, output=tmp_path / "all.csv")
    answered(tmp_path / "all.csv", truth)
    import_labels(labelled, tmp_path / "all.csv")
    assert {row.path: row.label for row in labelled.labels.rows()} == truth
    summary, frame = audit(labelled)
    assert (summary.suspects, len(frame), summary.rows_to_check) == (0, 0, 0)
    assert summary.estimated_errors < 1
    with pytest.raises(CuratorError, match="no label left to check"):
        audit(labelled, sample=5)


def test_an_image_that_changed_after_a_verdict_is_asked_again(
    tmp_path: Path, labelled: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    audit(labelled, sample=60, output=tmp_path / "all.csv")
    answered(tmp_path / "all.csv", {row.path: row.label for row in labelled.labels.rows()})
    import_labels(labelled, tmp_path / "all.csv")
    (photos / "cat" / "00.png").rename(photos / "cat" / "moved.png")
    picture(1, 99).save(photos / "cat" / "01.png")
    embed(labelled)
    assert audit(labelled)[0].checked == 59
    assert list(audit(labelled, sample=60)[1].path) == ["cat/01.png"]


def test_an_export_handed_back_is_no_verdict(tmp_path: Path, labelled: Workspace) -> None:
    export_labels(labelled, tmp_path / "labels.csv")
    import_labels(labelled, tmp_path / "labels.csv")
    assert audit(labelled)[0].checked == 0


def test_min_precision_lists_fewer_the_more_is_asked(tmp_path: Path, labelled: Workspace) -> None:
    give(labelled, tmp_path, cat__03="dog", dog__05="eel", eel__07="cat")
    strict, loose = (audit(labelled, min_precision=precision)[1] for precision in (0.9, 0.3))
    assert set(strict.path) == {"cat/03.png", "dog/05.png", "eel/07.png"}
    assert list(loose.path[: len(strict)]) == list(strict.path)
    assert len(loose) > len(strict)
    with pytest.raises(CuratorError, match="choose one of"):
        audit(labelled, min_precision=0.9, sample=5)


def test_every_suspect_says_why(tmp_path: Path, labelled: Workspace) -> None:
    give(labelled, tmp_path, cat__03="dog")
    why = audit(labelled)[1].set_index("path").why["cat/03.png"]
    votes, first, stable, signals = re.fullmatch(
        r"20 nearest: (.*); first (.*); another label leads at (.*); likeliest: cat \((.*)\)", why
    ).groups()  # type: ignore[union-attr]
    assert sum(int(number) for number in re.findall(r"(\d+) (?:cat|dog|eel)", votes)) == 20
    assert votes.split()[1].strip(",") == "cat"
    assert first.count("(cat)") == first.count("cat/") == 3
    assert stable == "k = 5, 10, 20 of 5, 10, 20, 50"
    assert signals.split(", ") == list(SIGNALS)


def test_near_duplicates_under_two_labels_are_listed(
    workspace: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    for name in ("00", "01"):
        with Image.open(photos / "cat" / f"{name}.png") as original:
            pixels = np.asarray(original)
        Image.fromarray(np.where(pixels < 250, pixels + 1, pixels)).save(photos / "dog" / f"near{name}.png")
    embed(workspace, labels_from_folders=True)
    frame = audit(workspace)[1].set_index("path")
    assert frame.reason["dog/near00.png"] == "nearly the same image as cat/00.png, which is labelled cat"
    assert frame.reason["cat/01.png"] == "nearly the same image as dog/near01.png, which is labelled dog"
    assert frame.error_probability["dog/near00.png"] > 0.5

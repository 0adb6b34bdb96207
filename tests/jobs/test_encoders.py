"""Which encoders of a workspace have learned labels, and so have no say about them."""

import subprocess
import sys
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import select, update

from curator.encoders import EncoderSpec
from curator.jobs import chosen_encoder
from curator.jobs.embed import embed
from curator.jobs.encoders import list_encoders, other_encoders
from curator.store import Workspace
from curator.store.schema import encoder as table

from .conftest import ProjectionEncoder


@dataclass
class NamedEncoder(ProjectionEncoder):
    """One with a name of its own."""

    name: str = "own:colors+all"
    learned: bool = False

    @property
    def spec(self) -> EncoderSpec:
        return replace(super().spec, name=self.name, learned=self.learned)


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> NamedEncoder:
    """The encoder that `embed` will load."""
    made = NamedEncoder()
    monkeypatch.setattr(chosen_encoder, "load_encoder", lambda *_args, **_options: made)
    return made


def test_a_name_makes_no_fine_tuned_encoder(workspace: Workspace, named: NamedEncoder) -> None:
    embed(workspace, labels_from_folders=True)
    named.name, named.learned = "tuned", True
    embed(workspace)
    plain, tuned = list_encoders(workspace)
    assert (plain.name, tuned.name) == ("own:colors+all", "tuned")
    assert plain.knn_accuracy == 1
    assert tuned.knn_accuracy is None
    assert [name for _, name in other_encoders(workspace)] == ["own:colors+all"]


def test_a_fine_tuned_encoder_used_otherwise_has_still_learned(
    workspace: Workspace, named: NamedEncoder
) -> None:
    named.name, named.learned = "tuned+head", True
    embed(workspace, labels_from_folders=True, whiten=4)
    assert [each.knn_accuracy for each in list_encoders(workspace)] == [None, None]


def test_fine_tuned_encoders_of_older_workspaces_are_known_by_their_names(
    workspace: Workspace, named: NamedEncoder
) -> None:
    embed(workspace, labels_from_folders=True)
    with workspace.database.writing() as connection:
        spec = dict(connection.execute(select(table.c.spec)).scalar_one())
        assert spec.pop("learned") is False
        connection.execute(update(table).values(spec=spec))
    assert list_encoders(workspace)[0].knn_accuracy is None


def test_looking_at_encoders_loads_none() -> None:
    code = "import sys, curator.jobs.status; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"

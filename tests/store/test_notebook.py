"""What a notebook shows of a workspace."""

from pathlib import Path

from curator.store import Workspace


def test_summary_tells_what_is_there_and_runs_nothing(tmp_path: Path) -> None:
    images = tmp_path / "<b>photos & more"
    images.mkdir()
    workspace = Workspace.create(tmp_path / ".curator", images)
    page = workspace._repr_html_()
    assert "0 in " in page
    assert "&lt;b&gt;photos &amp; more" in page
    assert "<b>" not in page
    assert "none yet: run curator embed" in page
    assert repr(workspace) == f"Workspace({str(tmp_path / '.curator')!r})"

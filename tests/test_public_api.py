"""The public names: what is exported is what is listed, documented, and quick to import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import curator
import curator_indexes

ROOT = Path(__file__).parents[1]
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


@pytest.mark.parametrize("package", [curator, curator_indexes])
def test_every_listed_name_exists_and_has_a_docstring(package: object) -> None:
    for name in package.__all__:  # type: ignore[attr-defined]
        assert getattr(package, name).__doc__, name


def test_list_fits_one_screen_and_is_sorted() -> None:
    assert curator.__all__ == sorted(curator.__all__)
    assert len(curator.__all__) <= 30


@pytest.mark.parametrize("package", [curator, curator_indexes])
def test_names_for_type_checkers_are_the_listed_ones(package: object) -> None:
    source = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    guarded = next(node for node in source.body if isinstance(node, ast.If))
    named = [alias.name for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(named) == sorted(package.__all__)  # type: ignore[attr-defined]


def test_importing_curator_loads_nothing_heavy() -> None:
    code = (
        "import sys, curator; print([n for n in ('torch', 'faiss', 'scipy', 'pandas') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_no_module_reads_a_pickle() -> None:
    sources = [path for folder in ("curator", "indexes", "cli") for path in (ROOT / folder).rglob("*.py")]
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not unpickling(node), f"{path}: {ast.unparse(node)}"


def test_no_module_runs_a_shell() -> None:
    sources = [path for folder in ("curator", "indexes", "cli") for path in (ROOT / folder).rglob("*.py")]
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not shelling(node), f"{path}: {ast.unparse(node)}"


def shelling(node: ast.AST) -> bool:
    """Whether a piece of code hands a line to a shell, or to Python, to be run."""
    if isinstance(node, ast.keyword) and node.arg == "shell":
        return True
    called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    return called in {"os.system", "os.popen", "eval", "exec", "__import__"}


@pytest.mark.parametrize("code", ["os.system('ls')", "run('ls', shell=True)", "eval('1')", "os.popen('ls')"])
def test_a_shell_would_be_seen(code: str) -> None:
    assert any(shelling(node) for node in ast.walk(ast.parse(code)))


def unpickling(node: ast.AST) -> bool:
    """Whether a piece of code could read a pickle; the error that torch raises of one may be named."""
    if isinstance(node, ast.Import):
        return bool({alias.name.split(".")[0] for alias in node.names} & PICKLES)
    if isinstance(node, ast.ImportFrom):
        names = {alias.name for alias in node.names} - {"UnpicklingError"}
        return str(node.module).split(".")[0] in PICKLES and bool(names)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
        return "weights_only" not in {keyword.arg for keyword in node.keywords}
    if isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "weights_only"):
        return not (isinstance(node.value, ast.Constant) and node.value.value is (node.arg == "weights_only"))
    return False


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import load",
        "np.load(f, allow_pickle=True)",
        "load(f, weights_only=False)",
        "torch.load(f)",
        "from joblib.numpy_pickle import load",
        "import marshal",
    ],
)
def test_a_pickle_would_be_seen(code: str) -> None:
    assert any(unpickling(node) for node in ast.walk(ast.parse(code)))

# Every target sets up what it needs. `make demo` first, `make test` when you change something.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.ready
BROWSER := $(VENV)/.browser
IMAGES ?=
DATA ?=

.PHONY: demo test check docs cli-docs fuzz crashes vulnerabilities benchmarks clean

demo: $(SETUP)  ## the main job on real images: handwritten digits with planted label errors, or IMAGES=folder
	$(BIN)/python -m benchmarks.demo $(if $(IMAGES),--images "$(IMAGES)")

test: $(SETUP) $(BROWSER)  ## the tests
	$(BIN)/pytest -q -n 2 --dist loadgroup

check: $(SETUP)  ## style, types, import arrows, docs that match the code, constraints that fit all extras
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate_cli.py --check
	$(BIN)/uv pip compile --quiet --all-extras --constraint constraints.txt --python-version 3.11.0 pyproject.toml >/dev/null

docs: $(SETUP)  ## the notebooks run, and the site built in build/site; a dead link, a lost page or a warning ends it
	$(BIN)/python docs/run_notebooks.py build/notebooks
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "to read it: $(BIN)/python -m http.server --directory build/site"

fuzz: $(SETUP)  ## strangers' bytes against every reader, a minute each; with atheris in .venv guided by coverage
	$(BIN)/python -m tests.fuzz all 60

crashes: $(SETUP)  ## the long run of the fault tests: every step killed, a thousand damages
	$(BIN)/python -m benchmarks.crashes

vulnerabilities: $(SETUP)  ## known holes in the packages of constraints.txt; needs the network
	$(BIN)/uv tool run pip-audit --requirement constraints.txt --no-deps --disable-pip --progress-spinner off

cli-docs: $(SETUP)  ## write docs/cli.md anew from the commands
	$(BIN)/python docs/generate_cli.py

benchmarks: $(SETUP)  ## every measurement and picture of docs/benchmarks.md; DATA=folder with the data sets
	$(BIN)/uv pip install --quiet --python $(VENV) -c constraints.txt -e '.[bench]'
	$(BIN)/python -m benchmarks.everything $(if $(DATA),--data "$(DATA)")

$(SETUP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	UV_CONSTRAINT=constraints.txt $(BIN)/uv pip install --quiet --python $(VENV) -e '.[dev,docs]'
	touch $@

$(BROWSER): $(SETUP)
	@command -v chromium chromium-browser google-chrome >/dev/null \
		|| $(BIN)/playwright install --with-deps chromium >/dev/null 2>&1 \
		|| { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 \
		|| echo "no browser could be installed: the tests of the review page that need one will be skipped"
	touch $@

clean:  ## remove the set-up and the demo
	rm -rf $(VENV) demo build dist .mypy_cache .ruff_cache .pytest_cache

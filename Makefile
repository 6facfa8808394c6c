# Needs Python 3.11 or later, make and pip; everything else is installed below this folder.
PYTHON ?= python3
UV_VERSION = 0.13.9
UV = .tools/bin/uv
BIN = .venv/bin
OUT ?= demo

.PHONY: help demo test adapters consumers lint types docs reference release bench torture mutants clean

help:
	@echo "make demo   a synthetic hospital, its databases, questions and answers, in ./$(OUT)"
	@echo "make test   the test suite; make adapters, make consumers: what needs environments of its own"
	@echo "make lint   format, lint; make types: strict type check"
	@echo "make docs   the documentation, in ./site; make reference: its pages that are made from the code"
	@echo "make release  lint, types, docs, suite, wheel and sdist, all but the upload"
	@echo "make torture  kills, hostile queries, damaged files, planted leaks, for up to an hour; prints what broke"
	@echo "make mutants  changes of one token, tried against the tests of their package (long); prints what they miss"
	@echo "make bench  the benchmarks (slow; prints ratios against a yardstick of the same run)"

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ehrxqa needs Python 3.11 or later: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .tools uv==$(UV_VERSION)

.venv/.runs: pyproject.toml uv.lock | $(UV)
	@$(UV) sync --quiet --locked --no-default-groups --extra explorer --inexact --python $(PYTHON)
	@touch $@

.venv/.develops: pyproject.toml uv.lock | $(UV)
	@$(UV) sync --quiet --locked --all-groups --no-group consumers --no-group consumers-datasets4 --python $(PYTHON)
	@touch .venv/.runs $@

demo: .venv/.runs
	@$(BIN)/ehrxqa demo $(OUT)
	@echo "  (the command lies in $(BIN); to have it at hand: . $(BIN)/activate)"

test: .venv/.develops
	@$(BIN)/python -m pytest -n 2 --dist loadscope $(TESTS)

# The extras openenv and verifiers pin other versions of mcp than the development environment has.
.venvs/%/.ready: pyproject.toml uv.lock | $(UV)
	@UV_PROJECT_ENVIRONMENT=.venvs/$* $(UV) sync --quiet --locked --no-default-groups --group adapters --extra $* --python $(PYTHON)
	@touch $@

# What is exported, read by the libraries of those who load it: two releases of datasets, polars, pandas, meds, datasette.
.venvs/consumers/.ready .venvs/consumers-datasets4/.ready: .venvs/%/.ready: pyproject.toml uv.lock | $(UV)
	@UV_PROJECT_ENVIRONMENT=.venvs/$* $(UV) sync --quiet --locked --no-default-groups --group $* --python $(PYTHON)
	@touch $@

consumers: .venvs/consumers/.ready .venvs/consumers-datasets4/.ready
	@.venvs/consumers/bin/python -m pytest -p no:cacheprovider tests/consumers
	@.venvs/consumers-datasets4/bin/python -m pytest -p no:cacheprovider tests/consumers

adapters: .venvs/openenv/.ready .venvs/verifiers/.ready
	@.venvs/openenv/bin/python -m pytest -p no:cacheprovider tests/agents/test_adapter_openenv.py
	@.venvs/verifiers/bin/python -m pytest -p no:cacheprovider tests/agents/test_adapter_verifiers.py

lint: .venv/.develops
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: .venv/.develops
	@$(BIN)/mypy

reference: .venv/.develops
	@$(BIN)/python docs/make_reference.py

docs: .venv/.develops
	@$(BIN)/python docs/make_reference.py --check
	@$(BIN)/python docs/make_site.py

release: lint types docs test
	@.ci/release

bench: .venv/.develops
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

torture: .venv/.develops
	@$(BIN)/python tests/torture/run.py $(TORTURE)

mutants: .venv/.develops
	@$(BIN)/python tests/mutants/run.py $(MUTANTS)

clean:
	rm -rf .venv .venvs .tools .mypy_cache .pytest_cache .ruff_cache site

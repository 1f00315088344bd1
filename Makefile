# Each of test, demo and lint does the whole set-up on a fresh Debian or Ubuntu machine; a second run finds it done.
#   make test            all tests              make demo    an old version of a dataset, mounted and read
#   make test ARGS=...   with pytest's options  make lint    ruff and mypy

# The release that the interoperability tests drive; in an environment of its own, as its pins are not ours.
DVC := dvc[s3,gs,azure]>=3.67,<3.68
PYTHON := .venv/bin/python

.NOTPARALLEL:
.PHONY: test demo lint clean set-up-run set-up-test ready-to-test

test: ready-to-test
	$(PYTHON) -m pytest $(ARGS)

demo: .venv/.ready-run
	.ci/demo

lint: .venv/.ready-lint
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

ready-to-test: .venv/.ready-test .venv-dvc/.ready .azurite/.ready

clean:
	rm -rf .venv .venv-dvc .azurite build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find cvfs cli tests -name __pycache__ -prune -exec rm -rf {} +

set-up-run:
	@.ci/system-packages run

set-up-test:
	@.ci/system-packages run test

# The stamps follow pyproject.toml: a changed dependency installs, anything else does not.
.venv/.ready-run: pyproject.toml .ci/venv | set-up-run
	@.ci/venv .venv -e .
	@touch $@

.venv/.ready-test: pyproject.toml .ci/venv | set-up-test
	@.ci/venv .venv -e '.[test]'
	@touch $@

.venv/.ready-lint: pyproject.toml .ci/venv | set-up-run
	@.ci/venv .venv -e '.[lint]'
	@touch $@

.venv-dvc/.ready: Makefile .ci/venv | set-up-test
	@.ci/venv .venv-dvc '$(DVC)'
	@touch $@

.azurite/.ready: .ci/azurite | set-up-test
	@.ci/azurite .azurite
	@touch $@

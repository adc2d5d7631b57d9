# Everything starts here. `make` alone says what there is.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2

PATIENCE ?= 10

.PHONY: help demo test check audit dev bench reliability format constraints clean

help: ## What there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: .venv/.runtime ## See it work: a sandbox CRM, real syncs, a scoreboard
	@$(BIN)/dealmeter demo

test: .venv/.dev ## Run the tests
	@$(BIN)/pytest -n $(WORKERS)

check: .venv/.dev ## Lint, format, types, floors
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

audit: .venv/.dev ## Known vulnerabilities of what is installed
	@.ci/audit

dev: .venv/.dev ## Set up to develop
	@echo "ready: make check, make test, make bench; the program is $(BIN)/dealmeter"

bench: .venv/.dev ## Measure: a large sync, a full recompute (some minutes)
	@$(BIN)/python benchmarks/full_sync.py --postgres
	@$(BIN)/python benchmarks/recompute.py

reliability: .venv/.dev ## Try the promises PATIENCE times as hard (10) and write the table
	@DEALMETER_PATIENCE=$(PATIENCE) DEALMETER_RELIABILITY_REPORT=docs/reliability.md \
	  $(BIN)/pytest -q --timeout=$$((600 * $(PATIENCE))) tests/reliability tests/sync/test_several_daemons.py tests/sync/test_celery.py

format: .venv/.dev ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

constraints: .venv/.dev ## Pin the newest versions that fit (needs uv)
	uv pip compile --upgrade --universal --no-annotate --no-header pyproject.toml --extra dev -o constraints.txt

clean: ## Remove what was set up and built
	rm -rf .venv build dist

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "dealmeter needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.runtime: .venv/.made pyproject.toml constraints.txt
	@echo "installing dealmeter into .venv (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/.dev: .venv/.made pyproject.toml constraints.txt
	@echo "installing dealmeter and its development tools into .venv (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ .venv/.runtime

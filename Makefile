# Every target sets up what it needs in .venv; nothing has to be run first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := build/demo

.PHONY: demo test check bench chaos coverage clean

# Pays the sample payroll against an embedded sandbox. Some of its numbers are declined on purpose (exit code 1).
demo: $(READY)
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	@$(BIN)/bulk-topup run sample_files/payroll.xlsx --sheet Payroll --ledger $(DEMO)/ledger.db --report-dir $(DEMO)/report \
		|| [ $$? -eq 1 ]
	@echo
	@echo "Some rows were declined, as their numbers ask the sandbox to. What to try next:"
	@echo "  $(BIN)/bulk-topup status --ledger $(DEMO)/ledger.db"
	@echo "  $(BIN)/bulk-topup retry list/payroll --all-failed --ledger $(DEMO)/ledger.db --report-dir $(DEMO)/report"

test: check
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python benchmarks/all.py

# About an hour on two cores. A scenario that fails says how to play it again.
chaos: $(READY)
	$(BIN)/python -m chaos --scenarios 500 --jobs 2 --rows 131072

coverage: $(READY)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine
	$(BIN)/coverage report

clean:
	rm -rf $(VENV) build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

# constraints.txt pins everything with its hashes, the build back-end included, so the project itself needs no index.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("bulk-topup needs Python 3.11 or later; name one with make PYTHON=...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Every target sets up what it needs in .venv; nothing has to be run first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := build/demo
# Without their compiled files, every process of pytest compiles all modules.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check compiled bench chaos mutants coverage clean

# Pays the sample payroll against an embedded sandbox. Some of its numbers are declined on purpose (exit code 1).
demo: $(READY)
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	@echo "Paying sample_files/payroll.xlsx (250 invented people) against a simulated provider; no money moves."
	@$(BIN)/bulk-topup run sample_files/payroll.xlsx --sheet Payroll --env sandbox --ledger $(DEMO)/ledger.db --report-dir $(DEMO)/report \
		|| [ $$? -eq 1 ]
	@echo
	@echo "Some rows were declined, as their numbers ask the sandbox to. Three things to try:"
	@echo "  1. See where the run is:       $(BIN)/bulk-topup status list/payroll --ledger $(DEMO)/ledger.db"
	@echo "  2. Retry the failed rows:      $(BIN)/bulk-topup retry list/payroll --all-failed --env sandbox --ledger $(DEMO)/ledger.db --report-dir $(DEMO)/report"
	@echo "  3. Get a list to fill in:      $(BIN)/bulk-topup template --product 6418 --env sandbox --output $(DEMO)/mine.xlsx"

test: $(READY)
	@$(MAKE) --no-print-directory --jobs 2 check compiled
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m checks.language
	$(BIN)/python -m checks.sizes
	$(BIN)/python -m checks.clocks
	$(BIN)/lint-imports
	$(BIN)/mypy

# Compiles the tests, once and beside the checks, instead of in each process of pytest. Errors appear when they run.
compiled: $(READY)
	@-$(BIN)/python -m pytest --collect-only --quiet >/dev/null 2>&1

bench: $(READY)
	$(BIN)/python benchmarks/all.py

# About an hour on two cores. A scenario that fails says how to play it again.
chaos: $(READY)
	$(BIN)/python -m chaos --scenarios 0 --histories 1000 --jobs 2
	$(BIN)/python -m chaos --scenarios 300 --jobs 2 --rows 131072
	$(BIN)/python -m chaos.ordinary_weeks --weeks 200 --jobs 2

# Twenty minutes. Puts errors into copies of the safety core, and lists those that no test notices.
mutants: $(READY)
	$(BIN)/python -m mutants --minutes 20 --jobs 2

coverage: $(READY)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine
	$(BIN)/coverage report

clean:
	rm -rf $(VENV) build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

# constraints.txt pins everything with its hashes, the build back-end included. pip needs a package index (PyPI, or the mirror
# that pip is configured for) this once; nothing else ever needs the network.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("bulk-topup needs Python 3.11 or later; name one with make PYTHON=...") if sys.version_info < (3, 11) else None'
	@echo "[1/3] Creating a virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@echo "[2/3] Installing $$(grep -c '^[a-z].*==' constraints.txt) pinned packages from your Python package index; this takes a minute or two, once ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement constraints.txt
	@echo "[3/3] Installing bulk-topup itself ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

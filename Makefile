# Two commands matter: `make demo` shows the product, `make test` proves it. Both install what is missing first.

# Debian's own Python is built to run half as fast again as one compiled from source; that one only where it is too old.
PYTHON ?= $(firstword $(foreach it,/usr/bin/python3 python3,$(shell $(it) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(it))) python3)
PYTHON := $(PYTHON)
VENV := .venv
BIN := $(VENV)/bin
# Debian keeps the part of Python that makes virtual environments in a package of its own.
VENV_PACKAGE := $(shell $(PYTHON) -c "import ensurepip" 2>/dev/null || echo python3-venv)
RUN_PACKAGES := libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk $(VENV_PACKAGE)
TEST_PACKAGES := chromium-headless-shell poppler-utils postgresql
EVENHAND_DIR ?= var
PORT ?= 8000

export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo test lint conformance bench screenshots lock translations

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: packages-run $(VENV)/.installed ## install what running needs

setup-test: packages-run packages-test $(VENV)/.installed ## install what testing needs too

.PHONY: packages-run packages-test
packages-run:
	@./.ci/packages $(RUN_PACKAGES)

packages-test:
	@./.ci/packages $(TEST_PACKAGES)

$(VENV)/.installed: requirements.lock pyproject.toml
	@echo "Installing the Python packages of requirements.lock into $(VENV) (a few minutes) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Evenhand needs Python 3.11 or newer; try: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## build the demo company and serve it on http://127.0.0.1:8000
	@$(BIN)/evenhand demo --dir $(EVENHAND_DIR)/demo --port $(PORT)

# Thousands of small databases: in memory where there is room, since each of their commits waits for the disk.
TEST_DIR := $(shell test -w /dev/shm && test "$$(df --output=avail -m /dev/shm | tail -1)" -gt 4000 && echo /dev/shm || echo /tmp)

test: setup-test ## run every test, skipping none
	TMPDIR=$(TEST_DIR) REQUIRE_POSTGRES=1 REQUIRE_CHROMIUM=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: setup ## style, types, templates, security
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/djlint --lint templates
	$(BIN)/bandit --quiet --recursive --severity-level medium survey scoring wsgi.py

conformance: setup-test ## agreement with published numbers, and the real ratings end to end
	EVENHAND_ALL_RATINGS=1 REQUIRE_POSTGRES=1 $(BIN)/pytest -m conformance -s

bench: setup-test ## measure, and write tests/bench/results.md
	@$(BIN)/python -m tests.bench

SCREENSHOTS ?= $(EVENHAND_DIR)/screenshots
screenshots: setup-test ## a picture of every page, at three widths, light and dark, in both languages
	@$(BIN)/python -m tests.walking.screenshots $(SCREENSHOTS)

lock: ## choose the newest versions and write them down with hashes
	uv pip compile pyproject.toml --all-extras --generate-hashes --python-version 3.11 --upgrade --quiet -o requirements.lock

translations: setup ## read the sentences anew and compile the catalogues
	$(BIN)/pybabel --quiet extract -F survey/translations/babel.cfg -k N_ --no-location --sort-output -o survey/translations/messages.pot .
	$(BIN)/pybabel --quiet update -i survey/translations/messages.pot -d survey/translations --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel --quiet compile -d survey/translations

# Everything that this project does is a target here; each sees to its own set-up. Start with `make help`.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
BIN := .venv/bin
# Test processes: one more than there are processors, for many tests wait, and no more than keep one PostgreSQL busy.
WORKERS ?= $(shell n=$$(( $$(nproc 2>/dev/null || echo 2) + 1 )); [ $$n -lt 3 ] && n=3; [ $$n -gt 4 ] && n=4; echo $$n)
SOURCES := api tasks cli wiring services auth adapters models domain bench drill tests migrations gunicorn.conf.py celeryconfig.py

.PHONY: help
help: ## List these targets
	@echo "Strongroom. On a fresh machine, try: make demo"
	@echo
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'
	@echo
	@echo "Settings are environment variables; with none set, everything that is needed runs under ./var."

# ------------------------------------------------------------------------------------------------ set-up

.venv/.run: requirements.txt scripts/setup
	@PYTHON=$(PYTHON) sh scripts/setup requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt scripts/setup
	@PYTHON=$(PYTHON) sh scripts/setup requirements-dev.txt
	@touch $@ .venv/.run

.PHONY: setup
setup: .venv/.dev ## Create .venv with everything needed for development

# -------------------------------------------------------------------------------------------------- use

.PHONY: demo
demo: .venv/.run ## Start everything, deposit and withdraw a coin and a token (ONCE=1: then stop)
	@sh scripts/need node optional
	@sh scripts/need anvil optional
	@$(BIN)/python -m cli demo $(if $(ONCE),--once)

.PHONY: run
run: .venv/.run ## Run the installation configured in ./var or the environment, until Ctrl-C
	@sh scripts/need node optional
	@sh scripts/need anvil optional
	@$(BIN)/python -m cli run

.PHONY: doctor
doctor: .venv/.run ## Check the settings and every service they point at
	@$(BIN)/python -m cli doctor

# ------------------------------------------------------------------------------------------------ proof

.PHONY: test
test: .venv/.dev ## Run all tests, in parallel (WORKERS=n)
	@sh scripts/need node
	@sh scripts/need anvil
	@sh scripts/need chromium
	@sh scripts/need nginx
	@sh scripts/need promtool
	@# Tests are compiled in a way of their own, which is worth keeping for each process and the next run.
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n $(WORKERS) --dist worksteal --durations 10

.PHONY: check
check: format-check lint types layers dependencies test ## Run everything that CI runs

.PHONY: format
format: .venv/.dev ## Format the code
	@$(BIN)/ruff format $(wildcard $(SOURCES))

.PHONY: format-check
format-check: .venv/.dev
	@$(BIN)/ruff format --check $(wildcard $(SOURCES))

.PHONY: lint
lint: .venv/.dev ## Lint
	@$(BIN)/ruff check $(wildcard $(SOURCES))

.PHONY: types
types: .venv/.dev ## Check the types
	@$(BIN)/mypy

.PHONY: layers
layers: .venv/.dev ## Check that imports follow the layers
	@$(BIN)/lint-imports

.PHONY: dependencies
dependencies: .venv/.dev ## Check that declared and imported packages agree
	@$(BIN)/deptry .

.PHONY: migrations
migrations: .venv/.dev ## Migrate up, down and up again, and compare the schema with the models
	@$(BIN)/pytest tests/architecture/test_migrations.py

.PHONY: bench
bench: .venv/.dev ## Run the benchmarks and write bench/results/latest.json
	@sh scripts/need node
	@sh scripts/need anvil
	@$(BIN)/python -m bench

.PHONY: drill
drill: .venv/.run ## Hurt a whole installation under load, and judge what became of the money (MINUTES=n SEED=n)
	@sh scripts/need node
	@sh scripts/need anvil optional
	@$(BIN)/python -m cli drill $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

.PHONY: screenshots
screenshots: .venv/.dev ## Take screenshots of every sample page (light, dark, phone, desktop) into var/screenshots
	@sh scripts/need chromium
	@$(BIN)/python -m tests.browser.shots

.PHONY: pictures
pictures: .venv/.dev ## Retake the pictures of docs/images, from a real installation with a fault
	@sh scripts/need node
	@sh scripts/need anvil
	@sh scripts/need chromium
	@$(BIN)/python -m tests.browser.tour

# ---------------------------------------------------------------------------------------------- upkeep

.PHONY: lock
lock: .venv/.dev ## Compile requirements*.txt, with hashes, from pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" --output-file requirements.txt
	@$(BIN)/uv pip compile pyproject.toml --extra dev --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" --output-file requirements-dev.txt

.PHONY: clean
clean: ## Remove generated files; ./var stays, since it may hold money
	@rm -rf .venv .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: docs
docs: .venv/.run ## Regenerate the documents that are generated from the code
	@$(BIN)/python scripts/draw_states.py
	@$(BIN)/python scripts/list_alerts.py
	@$(BIN)/python scripts/list_metrics.py
	@$(BIN)/python -m api.error_table --write

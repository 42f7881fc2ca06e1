# One command each; plain `make` lists them.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
STAMP := .venv/.installed
UV := $(BIN)/python tools/uv_like_pip.py
CONSTRAINTS := $(addprefix --constraint ,$(wildcard constraints.txt))

.DEFAULT_GOAL := help
.PHONY: help install run test check bench model model-report lock docs images test-images clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## Make .venv with everything in it (done once, and again when the dependencies change)

run: $(STAMP) ## Start everything on this machine; ARGS="--port 9000" adds options
	@$(BIN)/prompt2pic run $(ARGS)

test: $(STAMP) ## Run the unit, integration and end-to-end tests; ARGS="tests/unit -k queue" picks some
	$(BIN)/python -m pytest $(ARGS)

check: $(STAMP) ## Lint, format, types, import contracts, dead code, spelling, YAML, secrets (changes nothing)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	git ls-files -z | xargs -0 $(BIN)/codespell
	$(BIN)/yamllint --strict .
	git ls-files -z -- ':!tests' | xargs -0 $(BIN)/detect-secrets-hook --baseline .secrets.baseline
	@# Tests are full of passwords that open nothing; other keys and tokens are looked for there, too.
	git ls-files -z -- tests | xargs -0 $(BIN)/detect-secrets-hook --disable-plugin KeywordDetector --disable-plugin BasicAuthDetector

bench: $(STAMP) ## Measure what is fast; ARGS names one bench
	@$(BIN)/python -m bench $(ARGS)

MODEL_WORK ?= work

model: $(STAMP) ## Make the built-in model anew (hours); ARGS=--shipped goes on from the shipped weights
	$(BIN)/python -m training --work $(MODEL_WORK) $(ARGS)

model-report: $(STAMP) ## Ask the built-in model in wording it never saw and count; ARGS="--model DIR" takes another
	$(BIN)/python -m training.prepare --work $(MODEL_WORK)
	test -e $(MODEL_WORK)/classifier.pt || $(BIN)/python -m training.classifier --work $(MODEL_WORK)
	$(BIN)/python -m training.report --work $(MODEL_WORK) --misses $(MODEL_WORK)/misses.tsv $(ARGS)
	$(BIN)/python -m training.sheet --work $(MODEL_WORK) --model src/prompt2pic/models/builtin

lock: .venv/bin/uv ## Write constraints.txt: exact versions of the whole tree; ARGS=--upgrade takes newer ones
	$(UV) pip compile --quiet --universal --all-extras --python-version 3.11 $(ARGS) \
	  --custom-compile-command "make lock" --output-file constraints.txt pyproject.toml
	@! grep -nE '://|(^|[[:space:]@])/' constraints.txt || { \
	  echo "constraints.txt names an address or a path: it must hold versions only"; exit 2; }

docs: $(STAMP) ## Write docs/settings.md and .env.example from the code
	$(BIN)/python docs/make_settings.py

images: $(STAMP) ## Build the images, with a list of what is in each in dist/; ARGS="worker TORCH=cpu" picks
	$(BIN)/python tools/images.py $(ARGS)

test-images: $(STAMP) ## Try the images (after `make images`); skipped, with the reason, where there is no engine
	@$(BIN)/python -m pip install --quiet --requirement deploy/requirements.txt
	$(BIN)/hadolint deploy/images/*.Dockerfile
	IMAGES=1 $(BIN)/python -m pytest tests/images $(ARGS)

clean: ## Remove .venv, caches and build leftovers; pictures and the log in data/ stay
	rm -rf .venv build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

# pip's own settings decide where packages come from: where they name a CPU build of torch, it is taken.
$(STAMP): pyproject.toml $(wildcard constraints.txt) | .venv/bin/uv
	@echo "Installing into .venv (once; torch alone is several GB, unless pip is told of a CPU build) ..."
	@$(UV) pip install --compile-bytecode $(CONSTRAINTS) --editable '.[dev]' || { \
	  echo "uv could not install: now with pip, which takes a few minutes ..."; \
	  $(BIN)/python -m pip install $(CONSTRAINTS) --editable '.[dev]'; }
	@touch $@

.venv/bin/uv: | .venv/bin/python
	@$(BIN)/python -m pip install --quiet $(CONSTRAINTS) uv

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Prompt2Pic needs Python 3.11 or newer, and $(PYTHON) is not: install it, then run make PYTHON=python3.11"; \
	  exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv: install it (on Debian and Ubuntu: apt-get install python3-venv), then run make again"; \
	  exit 2; }
	$(PYTHON) -m venv .venv

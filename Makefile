# The one entrance. `make help` lists what a person does here.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint format clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

$(VENV)/installed-%: requirements/%.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable . --requirement $<
	@touch $@

demo: $(VENV)/installed-demo ## assume a role on a loopback STS and become a command
	@$(BIN)/python demo/demo.py

test: $(VENV)/installed-test ## run every test tier (installs what is missing on Debian and Ubuntu as root)
	$(BIN)/pytest

lint: $(VENV)/installed-test ## formatting, lint and types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: $(VENV)/installed-test ## write the formatting that lint asks for
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean: ## remove what was made in the checkout
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

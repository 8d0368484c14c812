# The one entrance. `make help` lists what a person does here.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Tests at once, on two cores too: most of them wait, for a server, a session's end, a scheduler.
JOBS   ?= 4

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test compliance load test-scheduler test-oldest clean-room bench lint generate format clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

# Debian's and Ubuntu's python3 comes without ensurepip: python3-venv brings it.
define PYTHON_IS_READY
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && tests/provision.sh python3-venv; } || \
		{ echo "$(PYTHON) cannot make virtual environments: install python3-venv" >&2; exit 1; }
endef

$(BIN)/python:
	$(PYTHON_IS_READY)
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed-%: requirements/%.txt pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable . --requirement $<
	@touch $@

# An environment of its own, which takes ten seconds where that of the tests takes minutes.
DEMO := .venv-demo
$(DEMO)/ready: demo/prepare.py pyproject.toml
	$(PYTHON_IS_READY)
	@$(PYTHON) demo/prepare.py $(DEMO)
	@touch $@

demo: $(DEMO)/ready ## show it at work, on an STS on loopback, in seconds and without an AWS account
	@$(DEMO)/bin/python demo/demo.py

test: $(VENV)/installed-test ## run every test tier (installs what is missing on Debian and Ubuntu as root)
	@tests/provision.sh
	$(BIN)/pytest --numprocesses $(JOBS) --dist worksteal --ignore tests/binary --ignore tests/hostile \
		--ignore tests/packaging --ignore tests/scheduler --ignore tests/bench --ignore tests/site
	@$(MAKE) --no-print-directory test-binary test-packaging test-scheduler

ifeq ($(shell uname -sm),Linux x86_64)
test-scheduler: binary $(VENV)/installed-test ## test the static executable on real schedulers
	@tests/provision.sh $$(sed 's/#.*//' tests/scheduler/apt-packages.txt)
	$(BIN)/pytest --numprocesses $(JOBS) --dist loadfile tests/scheduler \
		--program dist/linux_amd64/aws-role-exec
else
test-scheduler:
	@echo "SKIPPED: the executable that tests/scheduler runs on real schedulers is for x86_64 Linux"
endif

PROGRAM ?= $(BIN)/aws-role-exec
compliance: $(VENV)/installed-test ## hold any program of this command line to the cases of tests/compliance [PROGRAM=path]
	@PYTHONPATH=tests $(BIN)/python tests/compliance/world.py $(PROGRAM)

load: binary $(VENV)/installed-test ## many at once, by hand: 1,000 starts, 200 on a node, 500 clients of one --renew
	$(BIN)/python tests/load/load.py dist/linux_amd64/aws-role-exec

# Left out are tests that hold the program against the newest botocore's data.
OLDEST := .venv-oldest
test-oldest: ## test with the oldest Python, botocore and click that are promised [PYTHON=python3.11]
	@$(MAKE) --no-print-directory VENV=$(OLDEST) $(OLDEST)/installed-oldest
	@$(OLDEST)/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "the oldest promised Python is 3.11: make test-oldest PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(OLDEST)/bin/pytest --numprocesses $(JOBS) --dist worksteal tests/unit tests/integration/test_errors.py \
		tests/integration/test_options.py \
		--deselect tests/unit/test_session_options.py::TestLimits \
		--deselect tests/unit/test_endpoint.py::TestEveryRegion

ROUNDS ?= 21
clean-room: ## run demo and test on a fresh Debian 12 made for it (root; about an hour; CACHE=1 is quicker)
	tests/clean-room.sh

bench: binary $(VENV)/installed-bench ## measure every case and the peers, as root on Linux [ORIGINAL=path ROUNDS=n]: docs/performance.md
	$(BIN)/python bench/bench.py --page docs/performance.md --rounds $(ROUNDS) --original "$(ORIGINAL)"

# What is for Windows too; the others call what only POSIX systems have, behind a question or at all.
OF_POSIX := output/files output/ownership output/places handover/cores handover/descriptors \
	request/completion \
	$(addprefix renewal/,beside detached directory_posix helper watch)
OF_WINDOWS = $(filter-out $(OF_POSIX:%=src/aws_role_exec/%.py),$(wildcard src/*/*.py src/*/*/*.py))

lint: $(VENV)/installed-test ## formatting, lint, types and spelling
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --follow-imports silent $(OF_WINDOWS)
	MYPYPATH=bench $(BIN)/mypy bench/bench.py
	$(BIN)/codespell *.md .github bench demo docs examples packaging release src

generate: $(VENV)/installed-test ## write the manual page, the completions, the reference, the pictures and the README's --help
	$(BIN)/python packaging/generate.py
	$(BIN)/python docs/generate.py
	$(BIN)/python tests/docs/test_readme_help.py
	$(BIN)/python docs/recording.py

export NO_MKDOCS_2_WARNING := 1
.PHONY: site test-site
site: $(VENV)/installed-docs ## write the documentation as a site, to site/ [serve it: .venv/bin/mkdocs serve]
	$(BIN)/mkdocs build --strict

test-site: $(VENV)/installed-test ## look at the site with a browser
	@tests/provision.sh chromium
	$(BIN)/pytest tests/site

format: $(VENV)/installed-test ## write the formatting that lint asks for
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean: ## remove what was made in the checkout
	rm -rf $(VENV) $(DEMO) $(OLDEST) $(CLIENTS) dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis

include build/binary.mk
include packaging/release.mk
include tests/examples/nextflow/nextflow.mk
include tests/renewal/clients/clients.mk
include tests/hostile/hostile.mk
include tests/coverage.mk

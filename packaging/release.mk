# Releases; docs/releasing.md tells how they are made.
.PHONY: release-snapshot test-packaging lint-release

# By hash alone, so nothing else may be in the same command.
$(VENV)/installed-release: requirements/release.txt | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement $<
	@touch $@

release-snapshot: $(VENV)/installed-release ## make in dist/ all of a release that needs no key
	$(BIN)/python -m release snapshot

ifeq ($(shell uname -sm),Linux x86_64)
test-packaging: binary $(VENV)/installed-test $(VENV)/installed-release ## test what a release would ship
	@tests/provision.sh $$(sed 's/#.*//' tests/packaging/apt-packages.txt)
	$(BIN)/pytest --numprocesses $(JOBS) --dist worksteal tests/packaging
else
test-packaging:
	@echo "SKIPPED: the executables that tests/packaging wraps are built on x86_64 Linux only"
endif

lint: lint-release
lint-release: $(VENV)/installed-test
	$(BIN)/mypy release

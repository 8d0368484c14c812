# The static executables; docs/binary.md tells how they are made.
.PHONY: binary test-binary lint-build

binary: | $(BIN)/python ## make the executables in dist/: Linux (static) and macOS, each for amd64 and arm64
	$(BIN)/python build/build.py

# What does not run the program, or only as a server to others, is tested without it already.
SAME_AGAIN := renewal/clients integration/test_python.py outputs/test_manual.py field/test_random_runs.py \
	outputs/test_killed.py::test_killed_between_any_two_system_calls

ifeq ($(shell uname -sm),Linux x86_64)
test-binary: binary $(VENV)/installed-test ## test the static executables, with the integration tier too
	@tests/provision.sh $$(sed 's/#.*//' tests/binary/apt-packages.txt)
	$(BIN)/pytest --numprocesses $(JOBS) --dist worksteal tests/binary tests/bench tests/integration \
		tests/identity tests/outputs tests/field tests/renewal tests/compliance tests/hostile \
		$(SAME_AGAIN:%=--deselect tests/%) \
		--program dist/linux_amd64/aws-role-exec
else
test-binary:
	@echo "SKIPPED: the static executables are built and tested on x86_64 Linux only"
endif

lint: lint-build
lint-build: $(VENV)/installed-test
	$(BIN)/mypy build/build.py build/botocore_data.py build/static_target.py

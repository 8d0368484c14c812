# The static executables; docs/binary.md tells how they are made.
.PHONY: binary test-binary

binary: ## make the static executables: dist/linux_amd64 and dist/linux_arm64
	$(PYTHON) build/build.py

lint: lint-build
.PHONY: lint-build
lint-build: $(VENV)/installed-test
	$(BIN)/mypy build/build.py build/botocore_data.py build/static_target.py

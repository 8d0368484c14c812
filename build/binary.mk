# The static executables; docs/binary.md tells how they are made.
.PHONY: binary test-binary

binary: ## make the static executables: dist/linux_amd64 and dist/linux_arm64
	$(PYTHON) build/build.py

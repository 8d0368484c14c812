# Which lines no test reaches, and whether any test needs another one before it.
.PHONY: coverage
COVERED := tests/unit tests/integration tests/identity tests/network tests/outputs tests/configuration \
	tests/field tests/renewal

# Some tests mind what measuring does: descriptors that it opens, the memory and time that it takes.
# They fail here and pass in `make test`, so a failure does not end this.
coverage: $(VENV)/installed-coverage ## run the tests in random order, and tell which lines none reaches
	rm -rf .coverage .coverage-data && mkdir .coverage-data
	{ printf '#!%s\n' "$(abspath $(BIN))/python"; \
		sed 's|Path(__file__).resolve().parents\[1\]|Path("$(CURDIR)")|' tests/measured.py; \
	} >.coverage-data/aws-role-exec
	chmod +x .coverage-data/aws-role-exec
	-$(BIN)/pytest --numprocesses $(JOBS) --random-order --cov=aws_role_exec --cov-report= -q $(COVERED) \
		--program .coverage-data/aws-role-exec
	$(BIN)/coverage combine --quiet --append .coverage-data
	$(BIN)/coverage report --show-missing --skip-covered

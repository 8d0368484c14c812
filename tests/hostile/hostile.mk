# Every fault that `make test` tries a few of; docs/reliability.md tells what came of it.
.PHONY: torture

torture: binary $(VENV)/installed-test ## fail every system call of every kind of run, hold deadlines to the clock: docs/reliability.md
	@tests/provision.sh
	PYTHONPATH=tests $(BIN)/python tests/hostile/reliability.py \
		--program dist/linux_amd64/aws-role-exec --page docs/reliability.md
	TORTURE_TIMES=20 $(BIN)/pytest --numprocesses $(JOBS) tests/hostile/test_random_answers.py \
		tests/hostile/test_random_jobs.py

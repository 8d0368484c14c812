# The Nextflow that tests/examples runs: .venv/bin/nextflow, from a cache outside the checkout.
.PHONY: nextflow

nextflow: $(VENV)/installed-test
	@tests/provision.sh default-jre-headless maven
	@tests/examples/nextflow/fetch.sh $(BIN)/nextflow

test: nextflow

# The clients that tests/renewal/clients runs: those of pip and apt in every run of the tests, the
# larger set where it is built. Nothing of theirs is installed where the tests are.
.PHONY: clients every-client test-clients

CLIENTS  := .venv-clients
PROGRAMS := tests/renewal/clients/programs
BUILT    := dist/clients

test-clients:
	@tests/provision.sh $$(sed 's/#.*//' tests/renewal/clients/apt-packages.txt)
	@$(MAKE) --no-print-directory VENV=$(CLIENTS) $(CLIENTS)/installed-clients

test: test-clients

clients: every-client $(VENV)/installed-test ## run every client with --renew, as Go, Node.js, Maven and Rust build them: docs/renewal-clients.md
	$(BIN)/pytest tests/renewal/clients --clients-page docs/renewal-clients.md

every-client: $(BUILT)/go/client $(BUILT)/javascript/node_modules $(BUILT)/java/classes/Client.class \
		$(BUILT)/rust/target/debug/client
	@tests/provision.sh awscli $$(sed 's/#.*//' tests/renewal/clients/apt-packages.txt)
	@$(MAKE) --no-print-directory VENV=$(CLIENTS) $(CLIENTS)/installed-every-client

$(BUILT)/go/client: $(wildcard $(PROGRAMS)/go/*)
	go build -C $(<D) -o $(abspath $@) .

$(BUILT)/javascript/node_modules: $(wildcard $(PROGRAMS)/javascript/*)
	@mkdir -p $(@D)
	cp $^ $(@D)
	npm install --prefix $(@D) --silent --no-package-lock --no-audit --no-fund
	@touch $@

$(BUILT)/java/classes/Client.class: $(PROGRAMS)/java/pom.xml $(PROGRAMS)/java/src/main/java/Client.java
	mvn --quiet --batch-mode --file $< package -Dbuilt=$(abspath $(BUILT)/java)

$(BUILT)/rust/target/debug/client: $(PROGRAMS)/rust/Cargo.toml $(PROGRAMS)/rust/src/main.rs
	@mkdir -p $(BUILT)
	cp -R $(<D) $(BUILT)
	cargo build --manifest-path $(BUILT)/rust/Cargo.toml
	@touch $@

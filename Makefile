PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: venv
venv: .venv/made

.venv/made: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

.PHONY: demo
demo: venv
	$(BIN)/python -m demo

.PHONY: up
up: venv
	$(BIN)/edgectl up --stack stack.yml --stack examples/stack.yml

.PHONY: test
test: venv
	$(BIN)/pytest --numprocesses 2 --dist worksteal

# A page in a headless Chromium; fails where there is none on the PATH.
.PHONY: test-browser
test-browser: venv
	$(BIN)/pytest tests/browser

# A tree of this release and the one before, which is taken from the history.
.PHONY: test-releases
test-releases: venv
	$(BIN)/pytest tests/releases

# Long versions of what the suite does in short: every schedule with one fault, thousands with two.
.PHONY: explore
explore: venv
	$(BIN)/python -m tests.model
	$(BIN)/python -m tests.protocol.exploration $(ARGS)

# Ten minutes of killing, cutting and stalling; ARGS="--seed N" replays a run.
.PHONY: chaos
chaos: venv
	$(BIN)/python -m tests.faults $(ARGS)

# Thousands of answers of handlers through the real server; the suite has some hundred of them.
.PHONY: answers
answers: venv
	EDGE_ANSWERS=$(or $(ANSWERS),5000) $(BIN)/pytest -q tests/answers $(ARGS)

# Named faults put into a copy of the protocol; each must make a named test fail.
.PHONY: mutants
mutants: venv
	$(BIN)/python -m tests.mutants $(ARGS)

# Ratios measured side by side, with a report in results/; ARGS="--only move --out DIR".
.PHONY: bench bench-quick
bench: venv
	$(BIN)/python -m benchmarks $(ARGS)

bench-quick: venv
	$(BIN)/python -m benchmarks --quick $(ARGS)

.PHONY: lint
lint: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	for handler in functions/*/handler.py examples/*/handler.py benchmarks/functions/*/handler.py; do $(BIN)/mypy $$handler || exit 1; done
	cd template/python3-http-edge && ../../$(BIN)/mypy --strict index.py server.py function/handler.py
	cd benchmarks/template/python3-http && ../../../$(BIN)/mypy --strict index.py
	$(BIN)/lint-imports

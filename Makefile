# Everything runs in its own virtual environment; Python (3.11 or newer) and make are all that a bare machine needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CHARTS := src/evalkit/report/page/assets/vendor
# Tests start hundreds of processes: compiled modules are kept.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
TESTS ?= tests
.PHONY: fuzz help demo test audit lint check ifeval safety checks-speed bench recordings docs charts screenshots wheel clean

help: ## show this help
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "evalkit needs Python 3.11 or newer; set PYTHON=")'
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable . --group dev
	@touch $(STAMP)

demo: $(STAMP) ## run the example suites offline and write the report
	@$(BIN)/evalkit run --mode replay; code=$$?; \
	case $$code in \
	  0|1|10) echo "demo: done. 'evalkit run' itself returned $$code, as CI would see it: the examples hold a gate that fails and one that is undecided." ;; \
	  *) echo "demo: something is wrong, exit code $$code"; exit $$code ;; \
	esac

lint: $(STAMP) ## check style, types and the layer contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test ## everything CI checks

ifeval: $(STAMP) ## judge GPT-4's real IFEval answers (needs ../shared/data/ifeval)
	@$(BIN)/python -m benchmarks.ifeval

safety: $(STAMP) ## measure the safety checks on the labelled corpus
	@$(BIN)/python -m benchmarks.safety docs/safety.md

checks-speed: $(STAMP) ## time the deterministic checks
	@$(BIN)/python -m benchmarks.checks

bench: $(STAMP) ## measure speed, limits and faults against the rig's fake server (needs ../shared/bench; 15 minutes)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uvloop httptools orjson jsonschema
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.limits --bench ../shared/bench
	$(BIN)/python -m benchmarks.faults --bench ../shared/bench
	$(BIN)/python -m benchmarks.scale --n 1000,10000,50000

recordings: $(STAMP) ## write the recordings of the examples again
	@$(BIN)/python -m benchmarks.examples.write_recordings

docs: $(STAMP) ## write the generated reference pages again
	$(BIN)/python -m evalkit.checks.reference docs/reference/checks.md
	$(BIN)/python -m evalkit.cli.reference docs/reference/cli.md
	$(BIN)/python -m evalkit.report.published docs/reference

charts: ## build the charting library of the pages again (needs Node 20 and npm)
	@work=$$(mktemp -d) && cp $(CHARTS)/package.json $(CHARTS)/build.mjs $(CHARTS)/d3.js $$work && cd $$work && \
	npm install --no-package-lock --no-audit --no-fund --silent && npm run --silent build && cd - >/dev/null && \
	cp $$work/d3.min.js $$work/LICENSES.txt $(CHARTS) && rm -r $$work

screenshots: demo ## write the README's picture of the report (needs Chromium)
	@$(BIN)/python -m benchmarks.screenshots

FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?= suite prompt dataset recording journal baseline settings
fuzz: $(STAMP) ## fuzz every loader for FUZZ_SECONDS each (needs atheris, so Python 3.11 to 3.13); docs/fuzzing.md
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --group fuzz
	@for target in $(FUZZ_TARGETS); do \
	  $(BIN)/python -m benchmarks.fuzz $$target --seconds $(FUZZ_SECONDS) || exit $$?; \
	done

wheel: $(STAMP) ## build the wheel into dist/, twice, and compare the bytes
	@rm -rf dist build/again
	@export SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct); for place in dist build/again; do \
	  $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir $$place . || exit 1; \
	done
	@cmp dist/*.whl build/again/*.whl && echo "wheel: $$(cd dist && ls *.whl), the same bytes twice"

test: wheel ## run the tests (TESTS=…) where there is no src, against the wheel in an environment of its own
	@rm -rf build/wheel && mkdir -p build/wheel/project
	@git ls-files -z --cached --others --exclude-standard -- ':!src' | tar -c --null --files-from=- --ignore-failed-read | tar -x -C build/wheel/project
	@$(PYTHON) -m venv --without-pip build/wheel/venv
	@for lib in $(VENV)/lib/python*; do cp -al $$lib/site-packages build/wheel/venv/lib/$${lib##*/}/; done  # links: installing again takes a minute
	@build/wheel/venv/bin/python -m pip uninstall --quiet --disable-pip-version-check --yes pytest-evalkit
	@build/wheel/venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt dist/*.whl --group dev
	cd build/wheel/project && env --unset=PYTHONPATH EVALKIT_FROM_WHEEL=1 ../venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

audit: $(STAMP) ## look for known vulnerabilities of what is installed, where an advisory service can be reached
	@$(BIN)/python -m benchmarks.audit

clean: ## remove what was built
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache

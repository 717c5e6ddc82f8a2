PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMOS := $(patsubst app/classifiers/builtin/%.yaml,models/%/1,$(wildcard app/classifiers/builtin/*.yaml))
export UV_SYSTEM_CERTS := 1
PINS := --quiet --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate

.DEFAULT_GOAL := help
.PHONY: help run test chaos docs docs-serve lint format screenshots demo-models samples bench bench-stages bench-soak \
  bench-topology load attack pins clean

help: ## Show this list
	@echo "Fovea trains, serves, watches and retrains image classifiers. Begin with: make run"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Settings are environment variables (PORT=8001 make run); PYTHON=python3.12 chooses the interpreter;"
	@echo "PYTEST='-k predict' is handed to pytest."

# exec: signals reach the supervisor, not a shell in between.
run: $(VENV)/installed ## Start Fovea; the first time installs it into .venv
	@exec $(BIN)/python -m app.supervisor

test: lint ## Run every check and every test
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(PYTEST)

chaos: $(VENV)/installed-dev ## Break a running Fovea at random moments and show what was lost (over half an hour)
	@CHAOS=long $(BIN)/python -m pytest tests/chaos/test_campaign.py -s -p no:randomly

docs: $(VENV)/installed-dev ## Build the documentation into site/; a broken link fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open site/index.html; to search, too: python3 -m http.server --directory site 8100"

docs-serve: $(VENV)/installed-dev ## Show the documentation, and again after each change, at http://127.0.0.1:8100
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --strict --dev-addr 127.0.0.1:8100

lint: $(VENV)/installed-dev node_modules/.package-lock.json ## Run ruff, mypy, the import contracts, codespell, tsc and ESLint
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/codespell app benchmarks deploy docs fovea_client migrations static templates tests worker *.md *.py *.toml Makefile
	@if [ -e node_modules/.package-lock.json ]; then npm run --silent lint; fi

format: $(VENV)/installed-dev ## Format the code and repair what ruff can
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

screenshots: $(VENV)/installed-dev ## Take pictures of every page, into test-artifacts/ and docs/images/ (needs Chromium)
	@$(BIN)/python -m pytest -q -p no:randomly tests/pages/screenshots.py

demo-models: $(VENV)/installed ## Train the demonstration bundles in models/ again, from drawn images
	@rm -rf $(DEMOS)
	@$(BIN)/flask --app wsgi models demo

samples: $(VENV)/installed ## Draw the images in static/samples/ again
	@$(BIN)/python -c 'from pathlib import Path; from app.drawing import DRAWERS, draw; \
	  [Path(f"static/samples/{name}.jpg").write_bytes(draw(name, 2).jpeg(88)) for name in DRAWERS]'

bench: $(VENV)/installed .venv-bench/installed ## Compare serving speed with peers (needs wrk; 20 minutes; BENCH='--data FOLDER')
	@$(BIN)/python -m benchmarks.champions $(BENCH)
	@$(BIN)/python -m benchmarks.serving

bench-stages: $(VENV)/installed ## Show where the time of one prediction goes (about a minute)
	@$(BIN)/python -m benchmarks.stages

bench-soak: $(VENV)/installed ## Overload Fovea, then look for leaks (needs wrk; about 4 minutes)
	@$(BIN)/python -m benchmarks.soak

bench-topology: $(VENV)/installed ## Run web servers behind nginx for real and load them (needs nginx, PostgreSQL, wrk; 2 minutes)
	@$(BIN)/python -m benchmarks.topology

load: $(VENV)/installed-dev ## Load a running Fovea (SCENARIO=light, medium, heavy or stress; LOAD='--short'); report in test-artifacts/
	@mkdir -p test-artifacts
	@$(BIN)/locust --headless --only-summary --scenario $(or $(SCENARIO),light) \
	  --html test-artifacts/load-$(or $(SCENARIO),light).html $(LOAD)

attack: $(VENV)/installed-dev ## Read thousands of hostile image files and show what each kind costs (ATTACK='--count 20000')
	@PYTHONPATH=.:tests/security $(BIN)/python tests/security/images.py $(ATTACK)

pins: $(VENV)/uv ## Write requirements*.txt again, with the newest versions
	@$(BIN)/uv pip compile $(PINS) --upgrade requirements.in -o requirements.txt
	@$(BIN)/uv pip compile $(PINS) -c requirements.txt requirements-web.in -o requirements-web.txt
	@$(BIN)/uv pip compile $(PINS) --upgrade requirements-dev.in -o requirements-dev.txt
	@$(BIN)/uv pip compile $(PINS) --upgrade benchmarks/peers/requirements.in -o benchmarks/peers/requirements.txt

clean: ## Remove what was installed and cached; never data
	@rm -rf $(VENV) .venv-bench node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis test-artifacts site
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/uv:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON); install Python 3.11, 3.12 or 3.13." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "Fovea needs Python 3.11 to 3.13, as TensorFlow does; choose one: make PYTHON=python3.12 run" >&2; exit 1; }
	@echo "Installing into $(VENV) (once; about 2 GB with TensorFlow) ..."
	@$(PYTHON) -m venv --clear $(VENV) || { \
	  echo "$(PYTHON) cannot make a virtual environment; on Debian install python3-venv." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

# uv is fast; pip knows a package index that only its own configuration names.
$(VENV)/installed: requirements.txt $(VENV)/uv
	@$(BIN)/uv pip install --quiet -r $< || $(BIN)/python -m pip install --quiet -r $<
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/uv
	@$(BIN)/uv pip install --quiet -r $< || $(BIN)/python -m pip install --quiet -r $<
	@touch $@

# Only checks need Node.js. Without it, or without a package registry, the other checks still run.
node_modules/.package-lock.json: package-lock.json
	@if npm ci --silent >/dev/null 2>&1; then touch $@; \
	  else echo "Skipping the checks of static/js: 'npm ci' could not install TypeScript and ESLint."; fi

.venv-bench/installed: benchmarks/peers/requirements.txt $(VENV)/uv
	@$(BIN)/python -m venv --clear .venv-bench
	@$(BIN)/uv pip install --quiet --python .venv-bench/bin/python -r $< || .venv-bench/bin/pip install --quiet -r $<
	@touch $@

# make app   sets up and starts the app        make test    sets up and runs all tests
# Each target does its own set-up; a second run finds it done.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A process of tests that crashes ends the run: pytest-xdist would wait for ever after its last test.
PYTEST := $(BIN)/python -m pytest -n 2 --max-worker-restart 0 --dist loadfile --no-loadscope-reorder
FAST := $(addprefix tests/,dataset evaluation explaining export network reading) tests/test_*.py

.PHONY: app test test-fast coverage lint format docs bench screenshots smoke

app: $(VENV)/app.done
	$(BIN)/streamlit run streamlit_app.py

test: $(VENV)/dev.done
	$(PYTEST)

test-fast: $(VENV)/dev.done
	$(PYTEST) -m "not slow" $(FAST)

coverage: $(VENV)/dev.done
	$(PYTEST) --cov --cov-report=term-missing:skip-covered

lint: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/oxlint --deny-warnings pneumo

format: $(VENV)/dev.done
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/docs.done
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(VENV)/bench.done
	mkdir -p runs
	$(BIN)/python -m benchmarks.latency --json runs/latency.json

screenshots: $(VENV)/dev.done
	$(BIN)/python -m docs.make_screenshots

smoke: $(VENV)/app.done
	$(BIN)/python train.py --smoke --output runs/smoke

$(VENV)/app.done: requirements.txt requirements-fast.txt requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "pneumo needs Python 3.11 to 3.13, this is %d.%d; try make PYTHON=python3.12" % v)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -r requirements-fast.txt || echo "No OpenVINO for this machine: TensorFlow answers, more slowly."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/bench.done: requirements-bench.txt $(VENV)/app.done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -r requirements-bench.txt
	touch $@

$(VENV)/docs.done: requirements-docs.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -r requirements-docs.txt
	touch $@

$(VENV)/dev.done: requirements-dev.txt $(VENV)/app.done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -r requirements-dev.txt
	touch $@

# make app   sets up and starts the app        make test    sets up and runs all tests
# Each target does its own set-up; a second run finds it done.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: app test lint format bench screenshots smoke

app: $(VENV)/app.done
	$(BIN)/streamlit run streamlit_app.py

test: $(VENV)/dev.done
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/dev.done
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/app.done
	$(BIN)/python benchmarks/latency.py

screenshots: $(VENV)/dev.done
	$(BIN)/python docs/make_screenshots.py

smoke: $(VENV)/app.done
	$(BIN)/python train.py --smoke --output runs/smoke

$(VENV)/app.done: requirements.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "pneumo needs Python 3.11 to 3.13, this is %d.%d; try make PYTHON=python3.12" % v)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/dev.done: requirements-dev.txt $(VENV)/app.done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

# Two commands set everything up: `make lab` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
NOTEBOOKS := $(wildcard notebooks/*.ipynb)
PORT ?= 8888

BENCHMARKS := training_loop training_extras matrix_rate loading import_time

.PHONY: lab test lint unit notebooks browser realdata bench address cpu clean
# The parts of `make test` share two cores and one report: never side by side, whatever -j says.
.NOTPARALLEL:

# Rebuilt when the dependencies change. Constraints pin what was tested.
.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info[:2] < (3, 14), "Python 3.11 to 3.13 is needed, this is %d.%d: make PYTHON=python3.12 ..." % sys.version_info[:2]'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[lab,test]"
	touch $@

# JupyterLab refuses to run as root unless told so, as in many containers.
lab: .venv/ready
	$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 --port=$(PORT) --notebook-dir=notebooks \
		$$([ "$$(id -u)" = 0 ] && echo --allow-root) $(LAB_OPTIONS)

test: lint unit notebooks browser realdata

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

unit: .venv/ready
	MEDGAN_PROFILE=smoke $(BIN)/python -m pytest tests --ignore=tests/browser --ignore=tests/realdata

notebooks: .venv/ready
	MEDGAN_PROFILE=smoke $(BIN)/python -m pytest --nbval-lax --nbval-cell-timeout=240 -p no:cacheprovider $(NOTEBOOKS)

browser: .venv/ready
	MEDGAN_PROFILE=smoke $(BIN)/python -m pytest tests/browser -rs

realdata: .venv/ready
	MEDGAN_PROFILE=smoke $(BIN)/python -m pytest tests/realdata -rs

# Run notebooks in full and keep their outputs, for example: make cpu NOTEBOOKS=notebooks/09_*.ipynb
cpu: .venv/ready
	$(BIN)/python tools/notebooks.py run $(NOTEBOOKS) --profile cpu

# Ten to twenty minutes; then the tables of the READMEs are written anew.
bench: .venv/ready
	set -e; for name in $(BENCHMARKS); do $(BIN)/python benchmarks/$$name.py; done
	$(BIN)/python benchmarks/explorer_latency.py --save benchmarks/results/explorer_latency.json
	$(BIN)/python tools/tables.py

# Write badge and bootstrap cell from the address in pyproject.toml.
address: .venv/ready
	$(BIN)/python tools/notebooks.py setup $(NOTEBOOKS)

clean:
	rm -rf .venv build dist data/cache

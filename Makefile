# Two commands set everything up: `make lab` and `make test`. `make scripts` tests what made weights and stored results,
# `make test-colab` the course in Colab's versions.
PYTHON ?= python3
# Colab has 3.12; where that does not start, the Python of `make test` stands in.
PYTHON_COLAB ?= $(shell python3.12 -c 'print("python3.12")' 2>/dev/null || echo $(PYTHON))
BIN := .venv/bin
COLAB := $(CURDIR)/.venv-colab/bin/python
NOTEBOOKS := $(wildcard notebooks/*.ipynb)
# Tests run in so many processes, a file or notebook at a time; WORKERS=0 for one after the other. Two cores take
# three: one of them often waits for a file or for a process that it started.
WORKERS ?= 3
TOGETHER = -n $(WORKERS) --dist loadfile
# OpenMP's threads wait for each other by spinning: with three processes on two cores one test took 390 s for 24.
ONE_THREAD = MEDGAN_PROFILE=smoke OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
PORT ?= 8888

BENCHMARKS := training_loop training_extras onednn matrix_rate loading import_time translators workers small_devices strategies

.PHONY: lab test scripts test-colab wheel gpu-sizes lint unit notebooks browser realdata bench address cpu covers clean
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

# In the order of tests/conftest.py: xdist would start files of few tests last, and the longest ones have few.
SORTED = $(TOGETHER) --no-loadscope-reorder -p no:nbval
ELSEWHERE := $(addprefix --ignore=tests/,browser realdata colab scripts)
unit: .venv/ready
	$(ONE_THREAD) $(BIN)/python -m pytest $(SORTED) tests $(ELSEWHERE)

# Experiments, recipes, benchmarks and tools: stored results are whole, and small parts of them are computed again.
scripts: .venv/ready
	$(ONE_THREAD) $(BIN)/python -m pytest $(SORTED) tests/scripts

notebooks: .venv/ready
	$(ONE_THREAD) $(BIN)/python -m pytest $(TOGETHER) -p tools.kernels --nbval-lax --nbval-cell-timeout=400 -p no:cacheprovider $(NOTEBOOKS)

browser: .venv/ready
	MEDGAN_PROFILE=smoke $(BIN)/python -m pytest tests/browser -rs

realdata: .venv/ready
	$(ONE_THREAD) $(BIN)/python -m pytest $(TOGETHER) -p no:nbval tests/realdata -rs

# Colab's own packages, and beside them what the tests need.
.venv-colab/ready: constraints-colab.txt constraints.txt
	$(PYTHON_COLAB) -m venv .venv-colab
	$(COLAB) -m pip install --quiet -r constraints-colab.txt
	$(COLAB) -m pip install --quiet -c constraints-colab.txt $$(grep -E '^(pytest|pytest-xdist|execnet|nbval|hatchling)==' constraints.txt)
	touch $@

# The notebooks' first cell installs the last commit as in Colab; units and notebooks then run in a copy without the
# package, so that they import the installed one. What only looks at files runs in `make test` alone (a notebook in
# Colab has the package alone), and so does training in two processes, which fails its test in Colab's versions and is
# nothing for a notebook there.
ONCE := $(ELSEWHERE) $(addprefix --ignore=tests/,test_structure.py test_project_files.py test_workers.py \
	notebooks/test_notebook_form.py notebooks/test_template.py)
test-colab: .venv-colab/ready
	@test -z "$$(git status --porcelain)" || echo "test-colab: what is not committed is not tested"
	MEDGAN_TEST_COLAB=1 $(COLAB) -m pytest -p no:cacheprovider tests/colab
	rm -rf build/colab && git clone --quiet . build/colab && rm -r build/colab/medgan_utils
	cd build/colab && $(ONE_THREAD) $(COLAB) -m pytest $(TOGETHER) -p no:cacheprovider -p no:nbval tests $(ONCE)
	cd build/colab && $(ONE_THREAD) $(COLAB) -m pytest $(TOGETHER) -p no:cacheprovider \
		-p tools.kernels --nbval-lax --nbval-cell-timeout=400 $(NOTEBOOKS)

# For Colab without a public repository: upload dist/medgan_utils-*.whl beside the notebook.
wheel: .venv/ready
	$(BIN)/python -m hatchling build -t wheel -d dist

# The sizes of the gpu profile with a thousandth of the steps: hours without a GPU, for example NOTEBOOKS=notebooks/09_*.
gpu-sizes: .venv/ready
	MEDGAN_TEST_GPU_SIZES="$(NOTEBOOKS)" $(BIN)/python -m pytest tests/notebooks/test_gpu_sizes.py --durations=0

# Run notebooks in full and keep their outputs, for example: make cpu NOTEBOOKS=notebooks/09_*.ipynb
cpu: .venv/ready
	$(BIN)/python tools/notebooks.py run $(NOTEBOOKS) --profile cpu

# The pictures at the heads of the notebooks and of the README, from the outputs; `make cpu` writes them by itself.
covers: .venv/ready
	$(BIN)/python tools/covers.py $(NOTEBOOKS)

# Half an hour, all but kills.py (an hour); then the tables of the READMEs are written anew. The rows on ONNX and on JAX
# are made where `pip install -e ".[onnx]" jax` was called before, and left out elsewhere.
bench: .venv/ready
	set -e; for name in $(BENCHMARKS); do $(BIN)/python benchmarks/$$name.py; done
	$(BIN)/python benchmarks/explorer_latency.py --save benchmarks/results/explorer_latency.json
	$(BIN)/python benchmarks/paint_pad_latency.py --save benchmarks/results/paint_pad_latency.json
	$(BIN)/python tools/tables.py

# Write badge and bootstrap cell from the address in pyproject.toml.
address: .venv/ready
	$(BIN)/python tools/notebooks.py setup $(NOTEBOOKS)

clean:
	rm -rf .venv .venv-colab build dist data/cache

# Petalscope: everything a person types. `make help` lists it.
PYTHON ?= python3
PORT ?= 8501
WEIGHTS ?= pretrained
WHAT ?= extract train predict page
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest --dist loadscope --durations=15
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q install
UV := uv==0.13.9
# uv installs several times as fast as pip; where it cannot, pip does.
install = ($(PIP) $(UV) && $(BIN)/python -m uv pip install -q --compile-bytecode --python $(BIN)/python $(1)) || $(PIP) $(1)
LIBRARIES := $(VENV)/lib/python3*/site-packages
HEIC := pillow-heif==1.8.1
.DEFAULT_GOAL := help
.PHONY: help run api test test-slow test-all check bench clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 19

run: $(VENV)/.installed  ## install what is missing, import the sample once, open the workbench (PORT=8501)
	@ls $${PETALSCOPE_WORKSPACE:-workspace}/datasets/*/dataset.json >/dev/null 2>&1 || $(BIN)/python -m core import sample
	@$(BIN)/python -m streamlit run streamlit_app.py --server.port $(PORT)

api: $(VENV)/.installed  ## serve the champion to programs: the prediction API (API_PORT=8000)
	@$(BIN)/python -m core serve $(if $(API_PORT),--port $(API_PORT))

test: $(VENV)/.installed-tests  ## install what tests need, run all but the slow ones, three at a time
	@.ci/system-packages
	@$(PYTEST) -n 3 -m "not slow"

test-slow: $(VENV)/.installed-tests  ## run what `make test` leaves out: slow tests, all drawn examples
	@.ci/system-packages
	@$(PYTEST) -n 2 --no-loadscope-reorder -m "slow or hypothesis" --hypothesis-profile=full

test-gpu: $(VENV)/.installed-tests  ## run the tests that need an NVIDIA GPU; without one they are skipped
	@$(BIN)/python -m pytest -m gpu

test-all: $(VENV)/.installed-tests  ## run all tests with all drawn examples
	@.ci/system-packages
	@$(PYTEST) -n 2 --hypothesis-profile=full

check: $(VENV)/.installed-tests  ## format, lint, types, direction of imports, sizes, tables of docs/
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tests.doc_tables --check
	@$(BIN)/python -m pytest -q tests/unit/test_architecture.py -k 'not keras'

bench: $(VENV)/.installed-tests  ## measure extraction, training, prediction and pages here (WEIGHTS=random, WHAT="serve page")
	@for what in $(WHAT); do case $$what in extract|train) with="--weights $(WEIGHTS)";; *) with=;; esac; \
		$(BIN)/python -m tests.bench $$what $$with || exit 1; done

clean:  ## remove the environment and caches; the workspace is kept
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: requirements.txt Makefile
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing requirements.txt into $(VENV), once." >&2
	@$(call install,-r requirements.txt)
	@$(call install,$(HEIC)) || echo "$(HEIC) cannot be installed here: photos in HEIC will not be read." >&2
	@# 400 MB that nothing here reads: C++ headers of TensorFlow, the tests of the largest libraries.
	@rm -rf $(LIBRARIES)/tensorflow/include
	@find $(foreach library,numpy pandas scipy sklearn,$(LIBRARIES)/$(library)) -type d -name tests -prune -exec rm -rf {} +
	@touch $@

$(VENV)/.installed-tests: tests/requirements.txt $(VENV)/.installed
	@$(call install,-r tests/requirements.txt)
	@touch $@

PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python
READY  := $(VENV)/.ready
NEWEST := .venv-newest
# One test a core, each on one thread; what shares a module's fixture, or the browser, stays together.
PYTEST := -m pytest -n logical --maxprocesses=4
WHEEL   = $(shell sed -n 's/^\# without dependencies: //p' requirements.lock)

# Jupyter writes into the home folder: where that can't be written, a folder among the temporary files takes its place.
HOME_OF_JUPYTER = $(or $(TMPDIR),/tmp)/prepack_lab-home-$(shell id -u)
WRITABLE = $(if $(shell test -w "$$HOME" && echo yes),,mkdir -p $(HOME_OF_JUPYTER) && export HOME=$(HOME_OF_JUPYTER) &&)

.DEFAULT_GOAL := help
.PHONY: help lab doctor test test-fast newest lint notebooks site picture lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lab: $(READY) ## set up on first use, then open JupyterLab (PORT=8890, BROWSER=none for a server)
	cd notebooks && $(WRITABLE) ../$(RUN) -m jupyterlab 00_start_here.ipynb \
		$(if $(PORT),--port=$(PORT)) $(if $(filter none,$(BROWSER)),--no-browser) \
		$(if $(filter 0,$(shell id -u)),--allow-root) $(OPTIONS)

doctor: $(READY) ## check that this machine is ready
	$(VENV)/bin/prepack-lab doctor

test: $(READY) ## every test: units, models, lessons, browser
	OMP_NUM_THREADS=1 $(RUN) $(PYTEST) $(ARGS)

test-fast: $(READY) ## the tests that need neither the real model nor a kernel nor a browser, nor long: a minute
	OMP_NUM_THREADS=1 $(RUN) $(PYTEST) -m "not slow and not long" $(ARGS)

newest: ## the fast tests on the newest versions of all dependencies but torch, in an environment of its own
	$(PYTHON) -m venv $(NEWEST)
	grep '^torch==' requirements.lock > $(NEWEST)/torch.txt
	$(NEWEST)/bin/python -m pip install --upgrade --upgrade-strategy eager -c $(NEWEST)/torch.txt -e '.[dev]'
	$(NEWEST)/bin/python -m pip install --no-deps $(WHEEL)
	OMP_NUM_THREADS=1 $(NEWEST)/bin/python $(PYTEST) -m "not slow" $(ARGS)

lint: $(READY) ## style and types of the code; drift of the notebooks from their sources, and names they don't know
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) notebooks/source/tools/build.py --check
	$(RUN) -m ruff check --isolated --select F401,F821 notebooks/solutions
	$(RUN) -m ruff check --isolated --select F821 notebooks/*.ipynb

notebooks: $(READY) ## build the learner and solution notebooks from notebooks/source
	$(RUN) notebooks/source/tools/build.py

site: $(READY) ## build the site, which works without Python: site/index.html
	$(RUN) notebooks/source/tools/build_site.py

picture: $(READY) ## take the README's screenshot anew (needs Chromium)
	$(RUN) tests/browser/picture.py

lock: $(READY) ## renew requirements.lock from pyproject.toml (needs uv)
	$(RUN) .ci/lock.py

clean: ## remove the environments
	rm -rf $(VENV) $(NEWEST)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"prepack_lab needs Python 3.11 or newer, and $(PYTHON) is {v[0]}.{v[1]}. Name another: make lab PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install -r requirements.lock
	$(RUN) -m pip install --no-deps $(WHEEL)
	$(RUN) -m pip install --no-deps --no-build-isolation -e .
	@touch $@

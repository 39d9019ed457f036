# The commands of the README. Each makes .venv when it is missing or older than pyproject.toml.
#   make demo   run a notebook at the small scale, say what the recorded runs show of the paper
#   make test   ruff, unit tests, contract tests, every notebook at the small scale
#   make lab    open the notebooks in JupyterLab
#   make site   all notebooks as web pages, to read without a kernel or internet
#   make colab  explorers, buttons and notebook 00 under the old widgets that Colab has, in .venv-colab
# Another Python: make demo PYTHON=python3.12      Another notebook: make demo NB=01

PYTHON ?= python3
NB ?= 01
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lab site colab clean

help:
	@sed -n '2,7s/^# *//p' Makefile

# A stamp, written last, is the proof of a complete install: an interrupted one starts again.
$(VENV)/.run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "lnlkit needs Python 3.10 or newer: make ... PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python cannot make virtual environments here. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Installing lnlkit into $(VENV): a few minutes and about 6 GB, once (most of it is PyTorch)."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@$(BIN)/python -m pip install --quiet -e '.[dev]'
	@touch $@

$(VENV)/.site: $(VENV)/.run
	@$(BIN)/python -m pip install --quiet -e '.[site]'
	@touch $@

demo: $(VENV)/.run
	@$(BIN)/lnlkit run $(NB) --scale smoke --html --reuse

test: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/python -m pytest -m "not slow"

lab: $(VENV)/.run
	@$(BIN)/jupyter lab notebooks

site: $(VENV)/.site
	@$(BIN)/lnlkit site --reuse

# Python 3.10 to 3.12: the IPython of Colab does not install by itself under later ones.
$(VENV)-colab/.run: pyproject.toml tests/colab.txt
	@$(PYTHON) -m venv $(VENV)-colab
	@$(VENV)-colab/bin/python -m pip install --quiet -e . -r tests/colab.txt pytest setuptools
	@touch $@

colab: $(VENV)-colab/.run
	@$(VENV)-colab/bin/python -m pytest -m "not slow" tests/test_widgets.py tests/test_widgets_places.py \
		tests/test_widgets_page.py tests/test_notebook_00.py tests/viz

clean:
	rm -rf $(VENV) $(VENV)-colab artifacts build *.egg-info

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint pythons clean

# The main job on real data: MovieLens-100K, LightGCN from three initial embeddings, beside three baselines.
demo: .venv/demo
	$(BIN)/llminit demo

test: .venv/test .venv/recbole
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: .venv/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The tests on each other Python from 3.11 to 3.14 that is on this machine. TESTS goes to pytest.
pythons: .venv/test
	.ci/pythons $(TESTS)

clean:
	rm -rf .venv .venv-* demo benchmarks/.peers

.venv/demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo]'
	touch $@

.venv/test: .venv/demo
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo,text,static,openai,report,serve,ann,ray,tune,export,test]'
	touch $@

.venv/lint: .venv/test
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo,text,static,openai,report,serve,ann,ray,tune,export,test,lint]'
	touch $@

# RecBole, which needs older libraries, in an environment of its own; without it, the tests that run it are skipped.
.venv/recbole: .venv/test
	$(BIN)/python benchmarks/peers.py || echo "RecBole's environment cannot be made here: its tests will be skipped" >&2
	touch $@

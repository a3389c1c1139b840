# make demo   install, then people boxed, tracked and scored on a rendered street (or: make demo SOURCE=my.mp4)
# make test   install, then every test that this machine can run
# make soak-live   three live cameras, a fault every 20 s (3 minutes, or: SOAK_MINUTES=30)
# make test-tensorrt install TensorRT-RTX in a venv of its own (0.25 GB), then the tests that build engines
# make gpu-check   on a machine with a GPU, torch and nvcc: our kernels checked and timed (make gpu-site first)
# make lock      resolve requirements.lock again, after a change of the dependencies in pyproject.toml
# make attacks   the attacks of docs/security.md; make licences, make sbom: what is installed
# make parity install torchvision in a venv of its own (4.7 GB), then the tests against it
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STREAMDET_TEST_DATA ?= $(abspath ../shared/data)
export STREAMDET_TEST_DATA

SOAK_MINUTES ?= 3
COMMA := ,

.PHONY: attacks licences sbom lock demo test test-tensorrt parity check bench soak-live coverage clean test-packages emulation gpu-check

demo: .venv/installed
	$(BIN)/streamdet run pipelines/people.yaml --source "$(or $(SOURCE),synthetic:street)" \
	    --output demo.mp4 --output demo.jsonl --live
	@echo
	$(if $(SOURCE),,@$(BIN)/streamdet eval published demo.jsonl --source synthetic:street \
	    --classes person)
	@echo "Written: demo.mp4 (watch it) and demo.jsonl (a line per frame). Try next:"
	@echo "  make demo SOURCE=my.mp4                          your own video, folder or glob"
	@echo "  $(BIN)/streamdet check pipelines/people.yaml     what the graph is made of"
	@echo "  $(BIN)/streamdet doctor                          what this machine has and lacks"

SIDE_BY_SIDE := --dist loadfile --no-loadscope-reorder --max-worker-restart=0
test test-tensorrt parity: export OMP_NUM_THREADS=1  # two test processes of two threads each are slower

test: .venv/dev-installed test-packages emulation
	$(BIN)/pytest -n 3 $(SIDE_BY_SIDE) -m "not nightly and not gpu" --ignore=tests/faults  # many wait for runs
	$(BIN)/pytest -n 2 $(SIDE_BY_SIDE) -m "not nightly and not gpu" tests/faults

# What docs/security.md lists, tried; `make test` tries it, too.
attacks: .venv/dev-installed
	$(BIN)/pytest -m "not nightly and not gpu" tests/attacks

# Of all that is installed in .venv; their tools have a venv of their own.
licences: .venv/dev-installed .venv-supply/installed
	.venv-supply/bin/pip-licenses --python $(BIN)/python --format markdown --order license

sbom: .venv/dev-installed .venv-supply/installed
	.venv-supply/bin/cyclonedx-py environment --output-format JSON --output-file sbom.json $(BIN)/python
	@echo "Written: sbom.json (CycloneDX)"

parity: .venv-parity/installed
	.venv-parity/bin/pytest -n 2 --dist worksteal --max-worker-restart=0 -m "not nightly" tests/parity

# Its packages but TensorRT are those of .venv: the tests build engines, which no GPU executes.
test-tensorrt: .venv-tensorrt/installed
	STREAMDET_REQUIRE=$(if $(STREAMDET_REQUIRE),$(STREAMDET_REQUIRE)$(COMMA))tensorrt \
	    .venv-tensorrt/bin/python -m pytest tests/runtimes/tensorrt

check: .venv/dev-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev-installed
	$(BIN)/streamdet bench pipeline limit hop copies start --json bench.json

soak-live: .venv/dev-installed test-packages
	$(BIN)/python -m tests.cameras.soak --minutes $(SOAK_MINUTES) --json soak.json

coverage: .venv/dev-installed test-packages emulation
	$(BIN)/pytest -m "not nightly and not gpu" --cov --cov-report=term:skip-covered

# A CUDA driver that runs on the CPU, and PyCUDA against it (about two minutes, once: tests/emulation).
emulation: .venv/dev-installed
	@$(BIN)/python -m tests.emulation.build || true  # its tests are skipped, or say why they fail

# The RTSP server of tests/cameras is run by Debian's Python, the page of tests/server by its
# browser, the broker of tests/sinks is Debian's. Without root these tests are skipped.
test-packages:
	@{ command -v chromium && test -x /usr/sbin/mosquitto && /usr/bin/python3 -m tests.cameras.rtsp_server_program --check; } \
	    >/dev/null 2>&1 || { packages=$$(cat tests/debian_packages.txt); \
	    root=$$(test $$(id -u) = 0 || echo sudo -n); \
	    { $$root apt-get update -q && $$root env DEBIAN_FRONTEND=noninteractive \
	        apt-get install -y -q --no-install-recommends $$packages; } > apt.log 2>&1 \
	    || echo "Tests of live cameras, of the page and of MQTT cannot run here (see apt.log):" \
	        "sudo apt-get install" $$packages; }

.venv/bin/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "streamdet needs Python 3.11 or newer"; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
	    $$(test $$(id -u) = 0 || echo sudo) apt-get update -q && \
	    $$(test $$(id -u) = 0 || echo sudo) apt-get install -y -q \
	        $$("$(PYTHON)" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])'); }
	"$(PYTHON)" -m venv .venv

# torchvision's operators load only with the torch that they were compiled for.
.venv-parity/installed: .venv/bin/python pyproject.toml
	.venv/bin/python -m venv .venv-parity
	.venv-parity/bin/pip install --quiet --disable-pip-version-check \
	    torch==2.11.0 torchvision==0.26.0
	.venv-parity/bin/pip install --quiet --disable-pip-version-check \
	    -e '.[networks]' hypothesis pytest pytest-timeout pytest-xdist
	@touch $@

.venv-supply/installed: .venv/bin/python
	.venv/bin/python -m venv .venv-supply
	.venv-supply/bin/pip install --quiet --disable-pip-version-check 'cyclonedx-bom>=7,<8' 'pip-licenses>=5,<6'
	@touch $@

# Versions and hashes of all that the extras want but torch, whose builds differ: requirements.lock.
lock: .venv/bin/python
	test -x .venv-lock/bin/uv || { .venv/bin/python -m venv .venv-lock \
	    && .venv-lock/bin/pip install --quiet --disable-pip-version-check 'uv>=0.13,<0.14'; }
	echo 'torch ; python_version < "3"' > .venv-lock/without-torch
	.venv-lock/bin/uv pip compile pyproject.toml --extra all --extra networks --extra dev --quiet --upgrade \
	    --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
	    --override .venv-lock/without-torch --output-file requirements.lock

.venv-tensorrt/installed: .venv/dev-installed
	.venv/bin/python -m venv .venv-tensorrt
	.venv/bin/python -c 'import sysconfig as s; print("import site; site.addsitedir(%r)" % s.get_path("purelib"))' \
	    > $$(echo .venv-tensorrt/lib/python*/site-packages)/streamdet-venv.pth
	.venv-tensorrt/bin/pip install --quiet --disable-pip-version-check tensorrt-rtx-cu13==1.7.1.116
	@touch $@

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[run]'
	@touch $@

.venv/dev-installed: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0  # a build for CPUs
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[all,networks,dev]'
	@touch $@

# Python there needs torch and numpy; GPU_PYTHON names it. The pool needs PyCUDA, see gpu-site.
GPU_PYTHON ?= $(PYTHON)
gpu-check:
	PYTHONPATH="gpu-site:$$PYTHONPATH" $(GPU_PYTHON) -m benchmarks.gpu_check

# PyCUDA in a folder, made on a machine with a network for one without; for the same Python.
gpu-site: emulation
	rm -rf $@
	cp -r "$$($(BIN)/python -c 'from tests.emulation.build import pycuda; print(pycuda())')" $@

clean:
	rm -rf .venv .venv-parity .venv-supply .venv-lock sbom.json gpu-site .venv-tensorrt demo.mp4 demo.jsonl bench.json soak.json apt.log

# Everything from a bare Debian 12: each target installs what it lacks (as root or through sudo),
# builds, and does its work. `make help` lists them.
JOBS ?= $(shell nproc)
TEST_JOBS ?= $(shell expr 2 \* $$(nproc))
PRESET ?= release
FILTER ?= .

SOURCES = $(shell find bench config proxy rules tests -name '*.hpp' -o -name '*.cpp')

.DEFAULT_GOAL := help
.PHONY: help run build test model bench soak image format lint clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build, and run the proxy in front of the demo backend with Redis; Ctrl-C stops everything
	@.ci/install build run
	@.ci/build release $(JOBS) sidecache demo_backend
	@exec tests/backend/demo build/release

build: ## build everything (PRESET=release|debug|asan|tsan|fuzz)
	@.ci/install build
	@.ci/build $(PRESET) $(JOBS)

test: ## build and run every test (FILTER=regular expression of test names)
	@.ci/install build test
	@.ci/build debug $(JOBS)
	@ctest --preset debug -j $(TEST_JOBS) --no-tests=error -R '$(FILTER)'

model: ## search the whole model of the protocol, the long checks too (about half an hour)
	@.ci/install build test
	@tests/model/check $$(tests/model/check --list)

bench: ## build and run the benchmarks; results go to bench/results
	@.ci/install build bench
	@.ci/build release $(JOBS) sidecache epoll_responder load_generator mutation_latency bench_decide bench_hit bench_hot_keys bench_near
	@bench/run build/release

SOAK ?= --reads 1000000 --seconds 1800
soak: ## run the consistency checker long (SOAK=its options; tests/consistency/README.md)
	@.ci/install build test
	@.ci/build release $(JOBS) consistency
	@build/release/consistency $(SOAK)

IMAGE ?= sidecache:0.1.0
BUILDER ?= $(shell if docker info > /dev/null 2>&1; then echo docker; else command -v podman || command -v buildah; fi)
image: ## build the image (IMAGE=its name, BUILDER=docker|podman|buildah)
	@$(or $(BUILDER),$(error no docker, podman or buildah here)) build -f k8s/image/Dockerfile -t $(IMAGE) \
		--build-arg SIDECACHE_VERSION="$$(sed -n 's/^project(sidecache VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)" \
		--build-arg SIDECACHE_REVISION="$$(git describe --always --abbrev=12 --exclude='*' --dirty=.dirty)" .

format: ## bring every source into the house format
	@.ci/install lint
	@clang-format-19 -i $(SOURCES)

lint: ## check format, then clang-tidy on every source
	@.ci/install build lint
	@clang-format-19 --dry-run -Werror $(SOURCES)
	@.ci/build debug $(JOBS)
	@.ci/tidy build/debug $(JOBS)

clean: ## remove what was built
	@rm -rf build

# A thin front of Meson: `make help` says what there is.
BUILD = build
PREFIX = /usr/local
# Further options of `meson setup`, used when the build folder is made: make build OPTIONS=-Dplatform=posix
OPTIONS =
SOURCES = $(shell git ls-files '*.c' '*.h' ':!test/corpus' 2>/dev/null)

.PHONY: help build run test test-slow bench install deps check-format format tidy clean

help:
	@echo 'make run           install what is missing, build, and run a real program from its source'
	@echo 'make test          install what is missing, build, run the tests'
	@echo 'make test-slow     those that take minutes: many more rounds, real packages, every program of the corpus'
	@echo 'make build         programs in $(BUILD)/, which work in place: $(BUILD)/spore'
	@echo 'make bench         benchmarks, beside the peers'
	@echo 'make install       PREFIX=$(PREFIX), DESTDIR='
	@echo 'make deps          the Debian packages for building, tests and benchmarks'
	@echo 'make format, check-format, tidy, clean'

$(BUILD)/build.ninja:
	@command -v meson >/dev/null && command -v ninja >/dev/null || { echo 'meson and ninja are missing: make deps' >&2; exit 1; }
	@meson setup $(BUILD) --prefix=$(abspath $(PREFIX)) $(OPTIONS)

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

run:
	@.ci/deps build run
	@$(MAKE) --no-print-directory build
	@examples/first-run $(BUILD)

test:
	@.ci/deps build test
	@$(MAKE) --no-print-directory build
	@test/run $(BUILD) $(if $(TESTS),$(TESTS),--no-suite slow)

test-slow:
	@.ci/deps build test
	@$(MAKE) --no-print-directory build
	@test/run $(BUILD) --suite slow

bench:
	@.ci/deps build bench
	@$(MAKE) --no-print-directory build
	@meson test -C $(BUILD) --benchmark --verbose --num-processes 1

# Another prefix than the build folder's is compiled in; the same one leaves nothing to build, so that root makes no files here.
install: build
	@meson introspect --buildoptions $(BUILD) | grep -qF '"name": "prefix", "value": "$(abspath $(PREFIX))",' || \
		meson configure $(BUILD) -Dprefix=$(abspath $(PREFIX))
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD)

deps:
	@.ci/deps build run test bench

format:
	@clang-format -i $(SOURCES)

check-format:
	@clang-format --dry-run --Werror $(SOURCES)

# No header is made by the build.
tidy: $(BUILD)/build.ninja
	@.ci/tidy $(BUILD)

clean:
	@rm -rf $(BUILD)

"""Runs one module of tests and prints the Test Anything Protocol, so that each test counts."""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = 0
        self.began = time.monotonic()

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def line(self, good, test, note=""):
        self.count += 1
        taken = time.monotonic() - self.began
        print(f"{'ok' if good else 'not ok'} {self.count} - {test.id()}{f' ({taken:.1f} s)' if taken >= 1 else ''}{note}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.line(True, test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line(True, test, f" # SKIP {reason}")

    def failed(self, test, error):
        self.line(False, test)
        for row in self._exc_info_to_string(error, test).splitlines():
            print("# " + row, flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.failed(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.failed(subtest, err)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.line(True, test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.line(False, test, " # it was expected to fail")

    def addError(self, test, err):
        super().addError(test, err)
        self.failed(test, err)


def main():
    suite = unittest.defaultTestLoader.loadTestsFromName(sys.argv[1])
    result = TapResult()
    suite.run(result)
    # Last, since each failed part of a test, or of a set-up, has a line of its own too.
    print(f"1..{result.count}", flush=True)
    sys.exit(0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()

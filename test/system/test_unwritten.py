"""The database takes nothing for a while, since another program has locked it: what cannot be written is not done, and what happened is not lost."""

import contextlib
import os
import sqlite3
import unittest

from spore_test import wait_until
from test_tasks import SLEEP, TasksTest

ESYSTEM = 15


class Unwritten(TasksTest):
    @contextlib.contextmanager
    def locked(self):
        db = sqlite3.connect(os.path.join(self.state, "node.db"), isolation_level=None)
        try:
            db.execute("BEGIN IMMEDIATE")
            yield
            db.execute("ROLLBACK")
        finally:
            db.close()

    def rows(self, sql):
        db = sqlite3.connect(os.path.join(self.state, "node.db"))
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def refused(self, method, **params):
        self.fails(ESYSTEM, "the state cannot be written: database is locked", method, **params)

    def states(self):
        return {name: (t["state"], t.get("generation"), t.get("hold", {}).get("pid")) for name, t in self.tasks().items()}

    def unchanged(self, before):
        """Nor is it for the next node."""
        self.assertEqual(self.states(), before)
        self.ok(self.spore("node", "restart"))
        self.again()
        wait_until(lambda: self.states() == before, "the same as before")

    def test_a_start_takes_nothing_else_with_it(self):
        os.mkfifo(os.path.join(self.work, "gate"))
        self.begin("dep", "read x <$W/gate; echo >&5; " + SLEEP, wait=None, ready="notify", ready__fd=5)
        self.begin("web", wait=None, after=["dep ready"])
        self.begin("nightly", wait=None, every="0 3 * * *")
        self.begin("off", wait=None, enabled=False)
        with open(os.path.join(self.work, "gate"), "w", encoding="utf-8"):
            pass
        self.wait("web")
        before = self.states()
        with self.locked():
            self.refused("tasks.start", spec=self.spec("more"))
        self.assertEqual(self.states(), before)
        node = self.call("node.status")["pid"]
        os.kill(self.task("web")["hold"]["pid"], 9)
        self.until("web", lambda t: t["state"] == "failed", "its end")
        self.begin("more")
        self.assertEqual(self.call("node.status")["pid"], node)
        self.assertEqual(self.task("nightly")["state"], "scheduled")

    def test_no_change_of_what_runs(self):
        self.begin("web")
        self.begin("db", system="s")
        self.begin("api", system="s", after=["db started"])
        spec = self.call("tasks.inspect", name="web")["spec"]
        before = self.states()
        with self.locked():
            self.refused("tasks.start", spec=self.spec("web", "exec sleep 2000"), replace="always")
            self.refused("tasks.start", spec=self.spec("web", "exec sleep 2000"), replace="always", keep_old=True)
            self.refused("tasks.start", spec=self.spec("web", stop__grace_ms=1), replace="if-changed")
            self.refused("tasks.restart", names=["s/db", "s/api"])
            self.refused("tasks.swap", names=["web"])
        self.assertEqual(self.call("tasks.inspect", name="web")["spec"], spec)
        self.unchanged(before)
        self.assertEqual(self.call("tasks.inspect", name="web")["spec"], spec)

    def test_no_change_of_what_is_wanted(self):
        self.begin("web")
        self.begin("nightly", wait=None, every="0 3 * * *")
        self.begin("off", wait=None, enabled=False)
        self.begin("one", system="s")
        before = self.states()
        with self.locked():
            self.refused("tasks.stop", names=["nightly"])
            self.refused("tasks.stop", names=["web"])
            self.refused("tasks.begin", names=["off"])
            self.refused("tasks.remove", names=["off"])
            self.refused("systems.end", system="s")
            self.refused("systems.begin", system="s", manifest="/other/spore.yaml", tasks=["one"])
        self.unchanged(before)

    def test_what_happened_is_written_later(self):
        os.mkfifo(os.path.join(self.work, "gate"))
        self.begin("web", "read x <$W/gate; exit 4")
        with self.locked():
            with open(os.path.join(self.work, "gate"), "w", encoding="utf-8"):
                pass
            self.until("web", lambda t: t["state"] == "failed", "its end")
        wait_until(lambda: self.rows("SELECT done FROM tasks") == [(1,)], "its row")
        self.assertEqual(self.rows("SELECT run FROM ends"), [(1,)])
        self.assertEqual(len(self.call("tasks.inspect", name="web")["history"]), 1)


if __name__ == "__main__":
    unittest.main()

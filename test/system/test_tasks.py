"""Tasks as the node looks after them: order, periods, replacement, names, and what dies under them."""

import concurrent.futures
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import unittest

from msgpack_mini import Client, RpcError, pack
from spore_test import BUILD, DEADLINE, SporeTest, wait_until

SLEEP = "exec sleep 1000"
GATED = "read x <$W/gate; echo >&5; " + SLEEP  # ready once somebody has opened the gate
DEAF = "trap '' TERM; echo >&5; while :; do sleep 1; done"


class TasksTest(SporeTest):
    def setUp(self):
        super().setUp()
        del self.env["SPORE_NO_NODE"]
        self.state = self.env["SPORE_STATE"]
        self.sock = os.path.join(self.env["SPORE_RUNTIME"], "node.sock")
        self.ok(self.spore("node", "start"))
        self.node = self.client()

    def clean(self):
        self.spore("node", "stop")
        super().clean()

    def client(self):
        with open(os.path.join(self.state, "node.address"), encoding="utf-8") as f:
            client = Client(f.read().strip(), timeout=DEADLINE)
        self.addCleanup(client.close)
        return client

    def again(self):
        """A connection to a node that may be just coming."""
        def attempt():
            try:
                client = self.client()
                client.call("node.ping")
                return client
            except (OSError, EOFError):
                return None
        self.node = wait_until(attempt, "a node")
        return self.node

    def spec(self, name, script=SLEEP, system="", **more):
        spec = {"task": name, "argv": ["/bin/sh", "-c", script], "cwd": self.work,
                "env": ["PATH=/usr/bin:/bin", "SPORE_STORE=" + self.store, "W=" + self.work]}
        if system:
            spec["system"] = system
        spec.update({key.replace("__", "."): value for key, value in more.items()})
        return spec

    def call(self, method, **params):
        number = self.node.next_id
        self.node.next_id += 1
        self.node.send(0, number, method, params)
        answer = self.node.receive()
        if answer is None:
            raise EOFError
        self.assertEqual(answer[:2], [1, number])
        if answer[2] is not None:
            raise RpcError(answer[2])
        return answer[3]

    def begin(self, name, script=SLEEP, wait="ready", **more):
        replace = more.pop("replace", "refuse")
        result = self.call("tasks.start", spec=self.spec(name, script, **more), replace=replace)
        if wait:
            self.assertEqual(self.wait(result["name"], until=wait), {"reached": True, "waiting": []})
        return result

    def wait(self, *names, until="ready", timeout_ms=int(DEADLINE * 1000)):
        return self.call("tasks.wait", names=list(names), until=until, timeout_ms=timeout_ms)

    def tasks(self, **params):
        return {t["name"]: t for t in self.call("tasks.list", all=True, **params)["tasks"]}

    def task(self, name):
        return self.tasks().get(name)

    def fails(self, code, words, method, **params):
        with self.assertRaises(RpcError) as caught:
            self.call(method, **params)
        self.assertEqual(caught.exception.code, code, caught.exception.text)
        self.assertIn(words, caught.exception.text)

    def until(self, name, condition, what):
        def look():
            task = self.task(name)
            return task if task and condition(task) else None
        return wait_until(look, f"{name}: {what}")

    def kill_node(self):
        pid = self.call("node.status")["pid"]
        os.kill(pid, signal.SIGKILL)
        return pid

    @staticmethod
    def alive(pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                return f.read().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False


class Life(TasksTest):
    def test_start_list_stop_begin_remove(self):
        self.assertEqual(self.begin("web")["generation"], 1)
        task = self.task("web")
        self.assertEqual((task["state"], task["wanted"], task["hold"]["run"]), ("running", True, 1))
        pid = task["hold"]["pid"]
        self.assertTrue(self.alive(pid))
        self.assertEqual(self.call("tasks.stop", names=["web"]), {"stopped": ["web"], "survivors": [], "waiting": []})
        self.assertFalse(self.alive(pid))
        self.assertEqual(self.task("web")["state"], "stopped")
        self.assertEqual(self.call("tasks.list")["tasks"], [])
        self.assertEqual(self.call("tasks.begin", names=["web"])["started"], ["web"])
        self.wait("web")
        self.assertEqual(self.task("web")["hold"]["run"], 2)
        inspected = self.call("tasks.inspect", name="web")
        self.assertTrue(os.path.isdir(inspected["folder"]))
        self.assertTrue(os.path.isdir(inspected["log"]))
        self.assertEqual([(h["generation"], h["run"], h["state"]["end"]) for h in inspected["history"]],
                         [(1, 1, "signalled")])
        self.assertEqual(self.call("tasks.remove", names=["web"], logs=True)["removed"], ["web"])
        self.assertEqual(self.tasks(), {})
        self.assertEqual(os.listdir(os.path.join(self.state, "holds")), [])
        self.assertFalse(os.path.exists(inspected["log"]))
        self.fails(10, "web", "tasks.stop", names=["web"])

    def test_ends(self):
        self.begin("good", "exit 0", wait="ended")
        self.begin("bad", "exit 3", wait="ended")
        self.begin("none", argv=["/nowhere/program"], wait="ended")
        tasks = self.tasks()
        self.assertEqual({n: t["state"] for n, t in tasks.items()}, {"good": "ended", "bad": "failed", "none": "failed"})
        self.assertEqual(tasks["bad"]["hold"]["code"], 3)
        self.assertIn("/nowhere/program", tasks["none"]["hold"]["why"])
        self.assertEqual(self.wait("bad")["reached"], False)
        self.assertEqual(self.wait("good")["reached"], True)  # it has done its work
        self.assertEqual({t["name"] for t in self.call("tasks.list")["tasks"]}, {"bad", "none"})

    def test_history_and_folders_are_bounded(self):
        for _ in range(25):
            self.begin("one", "exit 1", wait="ended", replace="always")
        history = self.call("tasks.inspect", name="one")["history"]
        self.assertEqual([h["run"] for h in history], list(range(25, 5, -1)))
        self.assertLessEqual(len(os.listdir(os.path.join(self.state, "holds"))), 3)

    def test_secrets_are_hidden(self):
        self.begin("web", env=["PATH=/bin:/usr/bin", "KEY=geheim", "SPORE_STORE=" + self.store], secrets=["KEY"])
        self.assertIn("KEY=***", self.call("tasks.inspect", name="web")["spec"]["env"])
        self.assertNotIn("geheim", json.dumps(self.call("tasks.inspect", name="web")))
        self.assertEqual(self.begin("web", env=["PATH=/bin:/usr/bin", "KEY=other", "SPORE_STORE=" + self.store],
                                    secrets=["KEY"], replace="if-changed")["changed"], ["env"])

    def test_wrong_parameters(self):
        for method, params, code in (
                ("tasks.start", {}, 1), ("tasks.start", {"spec": 5}, 1), ("tasks.start", {"spec": {}}, 1),
                ("tasks.start", {"spec": self.spec("../x")}, 1), ("tasks.start", {"spec": {"task": "a", "argv": ["x"]}}, 1),
                ("tasks.start", {"spec": self.spec("a"), "replace": "maybe"}, 1),
                ("tasks.start", {"spec": self.spec("a", after=["b soon"])}, 1),
                ("tasks.start", {"spec": self.spec("a", every="never")}, 1),
                ("tasks.stop", {}, 1), ("tasks.stop", {"names": []}, 1), ("tasks.stop", {"names": [5]}, 1),
                ("tasks.stop", {"names": ["none"]}, 10), ("tasks.signal", {"names": ["none"], "signal": 100}, 1),
                ("tasks.wait", {"names": ["none"], "until": "friday"}, 1), ("tasks.list", {"after": "../"}, 1),
                ("tasks.inspect", {"name": "none"}, 10), ("tasks.rollback", {"name": "none"}, 10),
                ("systems.begin", {"system": "s", "manifest": "relative"}, 1), ("systems.end", {"system": "s"}, 10)):
            with self.assertRaises(RpcError, msg=(method, params)) as caught:
                self.call(method, **params)
            self.assertEqual(caught.exception.code, code, (method, params, caught.exception.text))
        self.assertEqual(self.tasks(), {})

    def test_signal_and_restart(self):
        self.begin("web", "trap 'echo got >>$W/out' USR1; echo up >>$W/out; while :; do sleep 0.01; done")
        wait_until(lambda: os.path.exists(os.path.join(self.work, "out")))
        self.assertEqual(self.call("tasks.signal", names=["web"], signal=int(signal.SIGUSR1)), {"signalled": ["web"]})

        def out():
            with open(os.path.join(self.work, "out"), encoding="utf-8") as f:
                return f.read().split()
        wait_until(lambda: out() == ["up", "got"], "the signal")
        self.assertEqual(self.call("tasks.restart", names=["web"])["restarted"], ["web"])
        wait_until(lambda: out() == ["up", "got", "up"], "another run")
        task = self.task("web")
        self.assertEqual((task["generation"], task["hold"]["run"]), (1, 2))

    def test_a_stop_names_what_it_waits_for(self):
        self.begin("deaf", DEAF, ready="notify", ready__fd=5, stop__grace_ms=600000)
        result = self.call("tasks.stop", names=["deaf"], timeout_ms=50)
        self.assertEqual((result["stopped"], [w["name"] for w in result["waiting"]]), ([], ["deaf"]))
        self.assertEqual(self.task("deaf")["state"], "stopping")
        self.assertEqual(self.call("tasks.stop", names=["deaf"], kill=True)["stopped"], ["deaf"])

    def test_policy_is_the_holds(self):
        self.begin("again", "echo x >>$W/runs; exit 1", restart="always", restart__delay_ms=1, wait=None)
        self.until("again", lambda t: t.get("hold", {}).get("restarts", 0) >= 3, "restarts")
        self.assertGreaterEqual(len(self.call("tasks.inspect", name="again")["history"]), 2)
        self.call("tasks.stop", names=["again"])

    def test_describe_knows_all(self):
        methods = {m["name"]: m for m in self.node.call("$/describe")["methods"]}
        with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "design", "tasks.md"), encoding="utf-8") as f:
            rows = [line.split("|")[1].strip().strip("`") for line in f if line.startswith("| `") and "." in line.split("|")[1]]
        self.assertGreater(len(rows), 12)
        self.assertLessEqual(set(rows), set(methods))


class Replacing(TasksTest):
    def test_refuse_if_changed_always(self):
        self.begin("web")
        pid = self.task("web")["hold"]["pid"]
        self.fails(11, "running", "tasks.start", spec=self.spec("web"))
        same = self.begin("web", replace="if-changed")
        self.assertEqual((same["changed"], same["generation"]), ([], 1))
        live = self.begin("web", replace="if-changed", stop__grace_ms=1234)
        self.assertEqual((live["changed"], live["generation"]), (["stop.grace_ms"], 1))
        self.assertEqual(self.task("web")["hold"]["pid"], pid)
        dry = self.call("tasks.start", spec=self.spec("web", "sleep 999"), dry=True)
        self.assertEqual((set(dry["changed"]), dry["state"]), ({"argv", "stop.grace_ms"}, "running"))
        other = self.begin("web", "exec sleep 999", replace="if-changed")
        self.assertEqual((other["generation"], other["changed"]), (2, ["argv", "stop.grace_ms"]))
        self.assertFalse(self.alive(pid))
        pid = self.task("web")["hold"]["pid"]
        self.begin("web", "exec sleep 999", replace="always")
        self.assertNotEqual(self.task("web")["hold"]["pid"], pid)
        self.assertEqual(self.call("tasks.start", spec=self.spec("none"), dry=True)["state"], "absent")
        self.assertIsNone(self.task("none"))

    def test_what_has_done_its_work_is_left_alone(self):
        self.begin("once", "echo x >>$W/runs", wait="ended")
        self.begin("once", "echo x >>$W/runs", wait="ended", replace="if-changed")
        self.assertEqual(self.task("once")["hold"]["run"], 1)
        self.call("tasks.begin", names=["once"])
        self.wait("once", until="ended")
        self.assertEqual(self.task("once")["hold"]["run"], 2)

    def test_the_old_one_stays_until_the_new_one_is_ready(self):
        self.begin("web", "echo old >>$W/out; " + SLEEP)
        pid = self.task("web")["hold"]["pid"]
        bad = self.spec("web", "exit 7", ready="notify")
        self.fails(13, "status 7", "tasks.start", spec=bad, replace="if-changed", keep_old=True)
        task = self.task("web")
        self.assertEqual((task["state"], task["hold"]["pid"], task["generation"]), ("running", pid, 1))
        self.assertEqual(self.begin("web", "echo old >>$W/out; " + SLEEP, replace="if-changed")["changed"], [])
        os.mkfifo(os.path.join(self.work, "gate"))
        good = self.spec("web", GATED, ready="notify", ready__fd=5)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            client = self.client()
            answer = pool.submit(client.call, "tasks.start", good, "if-changed", True)
            self.until("web", lambda t: t["generation"] == 3, "the new one")
            self.assertTrue(self.alive(pid))
            with open(os.path.join(self.work, "gate"), "w", encoding="utf-8"):
                pass
            self.assertEqual(answer.result(DEADLINE)["generation"], 3)
        wait_until(lambda: not self.alive(pid), "the end of the old one")
        self.assertEqual(self.task("web")["state"], "running")

    def test_one_that_ends_at_once_takes_nobodys_place(self):
        """That it could be started says nothing of it."""
        self.begin("web")
        pid = self.task("web")["hold"]["pid"]
        for how, words in (("exit 7", "status 7"), ("kill -9 $$", "signal 9"), ("exit 0", "status 0")):
            for restart in ("never", "on-failure", "always"):
                for swap in (False, True):
                    self.fails(13, f"web: the new one ended before it was ready ({words}); the old one stays",
                               "tasks.start", spec=self.spec("web", how, restart=restart), replace="if-changed",
                               keep_old=True, swap=swap)
                    task = self.task("web")
                    self.assertEqual((task["state"], task["hold"]["pid"], task.get("why")), ("running", pid, None))
        self.assertEqual(self.begin("web", replace="if-changed")["changed"], [])
        other = self.spec("web", "exec sleep 999")
        self.call("tasks.start", spec=other, replace="if-changed", keep_old=True, swap=True)
        wait_until(lambda: not self.alive(pid), "the end of the old one")
        self.assertEqual(self.task("web")["state"], "running")

    def test_rollback(self):
        first, second = os.path.join(self.work, "first"), os.path.join(self.work, "second")
        for path in (first, second):
            os.symlink("/bin/sleep", path)
        self.begin("web", argv=[first, "1000"])
        self.fails(10, "before", "tasks.rollback", name="web")
        self.begin("web", argv=[second, "1000"], replace="if-changed")
        self.begin("web", argv=[second, "1000"], nice=1, replace="if-changed")
        self.assertEqual(self.call("tasks.rollback", name="web")["generation"], 4)
        self.wait("web")
        self.assertEqual(self.call("tasks.inspect", name="web")["spec"]["argv"][0], first)
        self.call("tasks.rollback", name="web")
        self.wait("web")
        self.assertEqual(self.call("tasks.inspect", name="web")["spec"]["argv"][0], second)
        os.unlink(first)
        self.fails(10, "no longer", "tasks.rollback", name="web")


class Order(TasksTest):
    def test_after(self):
        gate = os.path.join(self.work, "gate")
        os.mkfifo(gate)
        self.begin("web", wait=None, after=["db ready"])
        self.assertEqual(self.task("web")["why"], "for db, which is not defined")
        self.assertEqual(self.wait("web")["waiting"], [{"name": "web", "why": "for db, which is not defined"}])
        self.begin("db", GATED, wait=None, ready="notify", ready__fd=5)
        self.until("web", lambda t: t.get("why") == "for db to be ready", "what it waits for")
        self.assertEqual(self.wait("web", timeout_ms=30), {"reached": False, "waiting": [{"name": "web", "why": "for db to be ready"}]})
        with open(gate, "w", encoding="utf-8"):
            pass
        self.assertTrue(self.wait("web", "db")["reached"])
        tasks = self.tasks()
        self.assertGreaterEqual(tasks["web"]["hold"]["started_at"], tasks["db"]["hold"]["ready_at"])
        self.fails(1, "db after web after db", "tasks.start", spec=self.spec("db", after=["web started"]), replace="always")
        self.assertEqual(self.task("db")["state"], "running")
        self.call("tasks.stop", names=["db", "web"])
        ends = {n: t["hold"]["ended_at"] for n, t in self.tasks().items()}
        self.assertLessEqual(ends["web"], ends["db"])

    def test_begin_brings_what_it_comes_after(self):
        self.begin("db", enabled=False, wait=None)
        self.begin("web", enabled=False, wait=None, after=["db ready"])
        self.assertEqual({t["state"] for t in self.tasks().values()}, {"defined"})
        self.assertEqual(set(self.call("tasks.begin", names=["web"])["started"]), {"db", "web"})
        self.assertTrue(self.wait("web", "db")["reached"])
        before = {n: t["hold"]["run"] for n, t in self.tasks().items()}
        self.assertEqual(set(self.call("tasks.restart", names=["web", "db"])["restarted"]), {"db", "web"})
        tasks = self.tasks()
        self.assertEqual({n: t["hold"]["run"] for n, t in tasks.items()}, {n: r + 1 for n, r in before.items()})
        self.wait("web", "db")
        self.assertGreaterEqual(self.task("web")["hold"]["started_at"], tasks["db"]["hold"]["ready_at"])

    def test_completed(self):
        self.begin("bad", "exit 1", wait="ended")
        self.begin("web", wait=None, after=["bad completed"])
        self.assertIn("has failed", self.wait("web")["waiting"][0]["why"])
        self.begin("bad", "exit 0", wait="ended", replace="always")
        self.assertTrue(self.wait("web")["reached"])

    def test_a_chain_stops_from_its_end(self):
        names = [f"t{i}" for i in range(8)]
        for i, name in enumerate(names):
            self.begin(name, wait=None, system="chain", after=[f"t{i - 1} ready"] if i else [])
        self.wait(*names)
        self.assertEqual(len(self.call("systems.end", system="chain")["removed"]), 8)
        self.assertEqual(self.tasks(), {})

    def test_replicas(self):
        for k in (1, 2, 3):
            self.begin("web", replica=k, system="s", wait=None)
        self.begin("front", system="s", after=["web ready"])
        self.assertEqual(self.call("tasks.stop", names=["s/web@2"])["stopped"], ["s/web@2"])
        self.assertEqual(sorted(self.call("tasks.stop", names=["s/web"])["stopped"]), ["s/web@1", "s/web@2", "s/web@3"])
        self.assertEqual(self.task("s/front")["state"], "running")
        self.assertEqual(self.call("systems.begin", system="s", manifest="/x/spore.yaml", tasks=["web@1", "front"])["removed"],
                         ["s/web@2", "s/web@3"])


class Periods(TasksTest):
    def test_a_period(self):
        self.begin("tick", "echo x >>$W/ticks", wait=None, every="1s")
        task = self.until("tick", lambda t: t.get("hold", {}).get("run", 0) >= 2, "a second run")
        self.assertEqual(task["every"], "1s")
        self.until("tick", lambda t: t["state"] == "scheduled" and t["next_at"] > 0, "the time of the next one")
        self.call("tasks.stop", names=["tick"])
        self.assertEqual(self.task("tick")["state"], "stopped")

    def test_a_run_that_takes_too_long_is_not_doubled(self):
        self.begin("slow", every="1s")
        pid = self.task("slow")["hold"]["pid"]
        task = self.until("slow", lambda t: t.get("skipped", 0) >= 1, "a run that was left out")
        self.assertEqual(task["hold"]["pid"], pid)
        self.assertIn("left out", task["why"])

    def test_the_calendar(self):
        self.begin("never", wait=None, every="0 0 30 2 *")
        self.assertIn("never comes", self.task("never")["why"])
        self.begin("yearly", wait=None, every="0 0 1 1 *")
        task = self.task("yearly")
        self.assertEqual(task["state"], "scheduled")
        self.assertGreater(task["next_at"], time.time_ns())
        self.call("tasks.begin", names=["yearly"])  # out of turn
        self.until("yearly", lambda t: t["state"] == "running", "a run")


class Names(TasksTest):
    def test_projects_do_not_meet(self):
        for name in ("shop", "blog"):
            manifest = os.path.join(self.work, name, "spore.yaml")
            self.call("systems.begin", system=name, manifest=manifest, tasks=["web"])
            self.begin("web", system=name)
        self.fails(1, "blog/web, shop/web", "tasks.stop", names=["web"])
        stopped = self.call("tasks.stop", names=["web"], **{"from": os.path.join(self.work, "shop", "deep")})
        self.assertEqual(stopped["stopped"], ["shop/web"])
        self.fails(11, "another name", "systems.begin", system="shop", manifest="/other/spore.yaml")
        self.fails(10, "did you mean 'web'", "tasks.stop", names=["shop/wbe"])
        systems = {s["name"]: (s["tasks"], s["running"]) for s in self.call("systems.list")["systems"]}
        self.assertEqual(systems, {"shop": (1, 0), "blog": (1, 1)})
        resolved = self.call("tasks.resolve", **{"from": os.path.join(self.work, "blog")})["tasks"]
        self.assertEqual([t["name"] for t in resolved], ["blog/web"])
        self.call("systems.end", system="blog")
        self.assertEqual([s["name"] for s in self.call("systems.list")["systems"]], ["shop"])

    def test_lists_come_in_pages(self):
        for i in range(25):
            self.begin(f"t{i:02}", enabled=False, wait=None, env=["X=" + "x" * 100])
        names, after, pages = [], None, 0
        while True:
            page = self.call("tasks.list", all=True, limit=10, **({"after": after} if after else {}))
            names += [t["name"] for t in page["tasks"]]
            pages += 1
            if not page["more"]:
                break
            after = names[-1]
        self.assertEqual((names, pages), ([f"t{i:02}" for i in range(25)], 3))


class Callers(TasksTest):
    def test_events(self):
        start = self.call("tasks.events")
        self.assertEqual(start["tasks"], [])
        self.assertEqual(self.call("tasks.events", since=start["next"], timeout_ms=20)["tasks"], [])
        self.begin("web", wait=None)
        states, since = [], start["next"]
        while "running" not in states:
            event = self.call("tasks.events", since=since)
            states += [t["state"] for t in event["tasks"]]
            self.assertGreater(event["next"], since)
            since = event["next"]
        self.call("tasks.remove", names=["web"])
        event = self.call("tasks.events", since=since)
        self.assertEqual([(t["name"], t["state"]) for t in event["tasks"]], [("web", "removed")])
        self.assertTrue(self.call("tasks.events", since=1)["anew"])

    def test_callers_that_go_away(self):
        self.begin("web", DEAF, ready="notify", ready__fd=5, stop__grace_ms=600000)
        for _ in range(3):
            client = self.client()
            for i in range(100):
                client.send(0, i + 10, "tasks.wait", [["web"], None, "ended"])
            client.send(0, 5, "node.ping", [])
            self.assertEqual(client.receive()[:2], [1, 5])
            client.close()
        client = self.client()
        client.send(0, 1, "tasks.stop", [["web"]])
        client.close()
        self.until("web", lambda t: t["state"] == "stopping", "the stop that was asked for")
        self.assertEqual(self.call("tasks.stop", names=["web"], kill=True)["stopped"], ["web"])

    def test_too_many_calls(self):
        self.begin("web")
        for i in range(130):
            self.node.send(0, 1000 + i, "tasks.wait", [["web"], None, "ended"])
        busy = [self.node.receive() for _ in range(2)]
        self.assertEqual([(b[1], b[2][0]) for b in busy], [(1128, 9), (1129, 9)])
        other = self.client()
        other.call("tasks.stop", ["web"])
        answers = [self.node.receive() for _ in range(128)]
        self.assertEqual({a[1] for a in answers}, set(range(1000, 1128)))
        self.assertTrue(all(a[3]["reached"] for a in answers))


class Deaths(TasksTest):
    def test_node_restart_and_stop_disturb_nothing(self):
        self.begin("web")
        self.begin("db", enabled=False, wait=None)
        pid = self.task("web")["hold"]["pid"]
        self.ok(self.spore("node", "restart"))
        self.again()
        task = self.until("web", lambda t: t["state"] == "running", "the task")
        self.assertEqual(task["hold"]["pid"], pid)
        self.assertEqual(self.task("db")["state"], "defined")
        result = self.ok(self.spore("node", "stop"))
        self.assertIn("1 task goes on", result.stdout)
        self.assertTrue(self.alive(pid))
        self.ok(self.spore("node", "start"))
        self.again()
        self.until("web", lambda t: t["state"] == "running" and t["hold"]["pid"] == pid, "the task")
        self.assertEqual(self.call("tasks.stop", names=["web"])["stopped"], ["web"])

    def test_what_ends_without_a_node_is_known_to_the_next(self):
        os.mkfifo(os.path.join(self.work, "gate"))
        self.begin("web", "read x <$W/gate; exit 4")
        pid = self.task("web")["hold"]["pid"]
        self.ok(self.spore("node", "stop"))
        with open(os.path.join(self.work, "gate"), "w", encoding="utf-8"):
            pass
        wait_until(lambda: not self.alive(pid), "the end")
        wait_until(lambda: self.holds() == [], "the hold's end")
        self.ok(self.spore("node", "start"))
        self.again()
        task = self.task("web")
        self.assertEqual((task["state"], task["hold"]["code"]), ("failed", 4))
        self.assertEqual(len(self.call("tasks.inspect", name="web")["history"]), 1)

    def replacing(self, *names):
        """These have been asked to stop, so that others take their place, and have not ended yet."""
        for name in names:
            wait_until(lambda name=name: os.path.exists(os.path.join(self.work, name + ".asked")), "the stop of " + name)

    def let_go(self, *names):
        for name in names:
            with open(os.path.join(self.work, name + ".gate"), "w", encoding="utf-8"):
                pass

    def reluctant(self, *names, **more):
        """Tasks that end when they are asked to and let go."""
        for name in names:
            os.mkfifo(os.path.join(self.work, name + ".gate"))
            self.begin(name, f"trap 'trap \"\" TERM; echo >$W/{name}.asked; read x <$W/{name}.gate; exit 0' TERM; echo >&5; while :; do sleep 0.02; done",
                       stop__grace_ms=int(DEADLINE * 1000), ready="notify", ready__fd=5, **more)

    def others_run(self, *names):
        for name in names:
            self.until(name, lambda t: t["state"] == "running" and t["generation"] == 2, "the other one")

    def test_replaced_when_the_node_is_killed(self):
        self.reluctant("web", restart="always")
        self.begin("web", replace="always", wait=None)
        self.replacing("web")
        self.kill_node()
        self.again()
        self.assertEqual(self.until("web", lambda t: t["state"] == "stopping", "its stop")["generation"], 1)
        self.let_go("web")
        self.others_run("web")
        self.assertEqual(self.call("tasks.inspect", name="web")["spec"]["argv"][2], SLEEP)
        self.assertEqual(len(self.holds()), 1)

    def test_replaced_when_there_is_no_node(self):
        self.reluctant("web")
        self.begin("web", replace="always", wait=None)
        self.replacing("web")
        self.ok(self.spore("node", "stop"))
        self.let_go("web")
        wait_until(lambda: self.holds() == [], "the end of the hold")
        self.ok(self.spore("node", "start"))
        self.again()
        self.others_run("web")

    def test_restarted_in_order_when_the_node_is_killed(self):
        self.reluctant("db", system="s")
        self.reluctant("web", system="s", after=["db started"])
        self.node.send(0, 1000000, "tasks.restart", {"names": ["s/db", "s/web"]})
        self.replacing("web")
        os.kill(self.client().call("node.status")["pid"], signal.SIGKILL)
        self.again()
        self.let_go("web")
        self.replacing("db")
        self.let_go("db")
        self.others_run("s/db", "s/web")

    def test_wired_otherwise_when_the_node_is_killed(self):
        self.reluctant("one", system="s")
        self.reluctant("two", system="s")
        self.call("wires.add", system="s", wires=[{"from": "s/one.stdout", "to": "s/two.stdin"}])
        self.replacing("one", "two")
        self.kill_node()
        self.again()
        self.let_go("one", "two")
        self.others_run("s/one", "s/two")

    def test_stopped_after_all_when_the_node_is_killed(self):
        """The last wish counts."""
        self.reluctant("web")
        self.begin("web", replace="always", wait=None)
        self.replacing("web")
        self.call("tasks.stop", names=["web"], timeout_ms=0)
        self.kill_node()
        self.again()
        self.let_go("web")
        self.until("web", lambda t: t["state"] == "stopped", "its end")
        self.ok(self.spore("node", "restart"))
        self.again()
        self.assertEqual(self.task("web")["state"], "stopped")

    def test_removed_when_the_node_is_killed(self):
        self.reluctant("web")
        self.call("tasks.remove", names=["web"], timeout_ms=0)
        self.replacing("web")
        self.kill_node()
        self.again()
        self.assertEqual(self.task("web")["state"], "stopping")
        self.let_go("web")
        wait_until(lambda: self.tasks() == {}, "its removal")

    def end_of_a_system(self, meanwhile):
        self.call("systems.begin", system="s", manifest="/s/spore.yaml", tasks=[])
        self.reluctant("one", system="s")
        self.begin("two", system="s")
        self.call("wires.add", system="s", wires=[{"from": "s/one.out", "to": "s/two.in"}])
        self.assertEqual(self.call("systems.end", system="s", timeout_ms=0)["removed"], [])
        self.replacing("one")
        meanwhile()
        self.let_go("one")
        wait_until(lambda: self.tasks() == {}, "the removal of its tasks")
        wait_until(lambda: self.call("systems.list")["systems"] == [], "its removal")
        self.assertEqual(self.call("wires.list")["wires"], [])
        self.ok(self.spore("node", "restart"))
        self.again()
        self.assertEqual((self.call("systems.list")["systems"], self.call("wires.list")["wires"]), ([], []))

    def test_a_system_ends_when_nobody_waits(self):
        self.end_of_a_system(lambda: None)

    def test_a_system_ends_when_the_node_is_killed(self):
        def meanwhile():
            self.kill_node()
            self.again()
        self.end_of_a_system(meanwhile)

    def test_the_node_is_killed_before_the_second_hold_has_begun(self):
        """What it was about to start does not run beside the one that the next node knows."""
        self.begin("web")
        pid, folder = self.task("web")["hold"]["pid"], self.call("tasks.inspect", name="web")["folder"]
        self.ok(self.spore("node", "stop"))
        other = folder.removesuffix(".1") + ".2"
        self.assertNotEqual(other, folder)
        os.mkdir(other, 0o700)
        shutil.copy(os.path.join(folder, "spec"), other)
        self.ok(self.spore("node", "start"))
        self.again()
        self.until("web", lambda t: t["state"] == "running" and t["hold"]["pid"] == pid, "the task")
        late = subprocess.run([os.path.join(BUILD, "spore-hold"), other, "2"], env=self.env, capture_output=True, timeout=DEADLINE, check=False)
        self.assertNotEqual(late.returncode, 0)
        self.assertIn(b"another node took it for dead", late.stderr)
        self.assertEqual(len(self.holds()), 1)
        self.begin("web", replace="always", wait=None)
        self.until("web", lambda t: t["state"] == "running" and t["generation"] == 3, "the next one")

    def holds(self):
        return self.marked("spore-hold")

    def test_the_node_is_killed_again_and_again(self):
        names = [f"t{i}" for i in range(6)]
        for name in names:
            self.begin(name, wait=None)
        self.wait(*names)
        pids = {n: t["hold"]["pid"] for n, t in self.tasks().items()}
        for round_ in range(8):
            node = self.kill_node()
            wait_until(lambda node=node: not self.alive(node), "the node's death")
            self.again()  # started by a hold
            self.begin("extra", replace="always")
            self.assertTrue(self.wait(*names)["reached"])
            now = {n: t["hold"]["pid"] for n, t in self.tasks().items() if n in pids}
            self.assertEqual(now, pids, f"round {round_}")
        self.assertEqual(self.task("extra")["generation"], 8)
        self.assertEqual(len(self.holds()), 7)

    def test_killed_while_it_starts_tasks(self):
        asked = set()
        for round_ in range(6):
            node = self.call("node.status")["pid"]
            timer = threading.Timer(0.004 * round_ + 0.002, os.kill, (node, signal.SIGKILL))
            timer.start()
            try:
                for i in range(100):
                    name = f"r{round_}-{i}"
                    self.begin(name, wait=None)
                    asked.add(name)
            except (EOFError, OSError):
                pass
            timer.join()
            wait_until(lambda node=node: not self.alive(node), "the node's death")
            if not asked:  # then no hold is there to start another
                self.ok(self.spore("node", "start"))
            self.again()
        tasks = self.tasks()
        self.assertLessEqual(asked, set(tasks))
        self.assertTrue(self.wait(*sorted(tasks))["reached"])
        running = [t["hold"]["pid"] for t in self.tasks().values()]
        self.assertEqual(len(set(running)), len(tasks))
        self.assertEqual(len(self.holds()), len(tasks))  # none has two
        self.assertEqual(len(self.call("tasks.stop", names=sorted(tasks))["stopped"]), len(tasks))

    @unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX cannot look into processes")
    def test_a_killed_hold(self):
        # what it started in another session is found by its mark
        stray = "setsid sh -c 'echo $$ >$W/stray; exec sleep 1000' & " + SLEEP
        self.begin("once", stray)
        self.begin("always", restart="always")
        wait_until(lambda: os.path.exists(os.path.join(self.work, "stray")) and
                   os.path.getsize(os.path.join(self.work, "stray")) > 0)
        with open(os.path.join(self.work, "stray"), encoding="utf-8") as f:
            stray_pid = int(f.read())
        tasks = self.tasks()
        for task in tasks.values():
            os.kill(task["hold"]["hold"], signal.SIGKILL)
        task = self.until("once", lambda t: t["state"] == "failed", "its end")
        self.assertEqual((task["hold"]["end"], task["hold"]["phase"]), ("lost", "ended"))
        self.assertFalse(self.alive(stray_pid))
        self.assertFalse(self.alive(tasks["once"]["hold"]["pid"]))
        task = self.until("always", lambda t: t["generation"] == 2 and t["state"] == "running", "another hold")
        self.assertEqual(task["hold"]["run"], 2)
        self.assertEqual(self.call("tasks.inspect", name="always")["history"][0]["state"]["end"], "lost")

    @unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX cannot look into processes")
    def test_the_node_is_killed_while_it_buries_a_hold(self):
        stray = "setsid sh -c 'echo $$ >$W/stray; exec sleep 1000' & " + SLEEP
        self.begin("always", stray, restart="always")
        self.begin("once")
        wait_until(lambda: os.path.exists(os.path.join(self.work, "stray")) and
                   os.path.getsize(os.path.join(self.work, "stray")) > 0)
        with open(os.path.join(self.work, "stray"), encoding="utf-8") as f:
            stray_pid = int(f.read())
        tasks = self.tasks()
        folders = [self.call("tasks.inspect", name=name)["folder"] for name in tasks]
        self.ok(self.spore("node", "stop"))
        for task in tasks.values():
            os.kill(task["hold"]["hold"], signal.SIGKILL)
        wait_until(lambda: self.holds() == [], "the end of the holds")
        for folder in folders:  # it had said so, and nothing else yet
            with open(os.path.join(folder, "status"), "wb") as f:
                f.write(pack({"phase": "ended", "end": "lost", "failed": True, "wanted": True, "run": 1}))
        self.ok(self.spore("node", "start"))
        self.again()
        self.until("always", lambda t: t["generation"] == 2 and t["state"] == "running", "another hold")
        self.until("once", lambda t: t["state"] == "failed" and t["hold"]["end"] == "lost", "its end")
        wait_until(lambda: not self.alive(stray_pid), "the end of what it left")

    @unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX cannot look into processes")
    def test_node_and_holds_killed_at_once(self):
        self.begin("once", "setsid sh -c 'echo $$ >$W/stray; exec sleep 1000' & " + SLEEP)
        self.begin("always", restart="always")
        self.begin("other")
        wait_until(lambda: os.path.exists(os.path.join(self.work, "stray")) and
                   os.path.getsize(os.path.join(self.work, "stray")) > 0)
        with open(os.path.join(self.work, "stray"), encoding="utf-8") as f:
            stray_pid = int(f.read())
        tasks = self.tasks()
        self.kill_node()
        for name in ("once", "always"):
            os.kill(tasks[name]["hold"]["hold"], signal.SIGKILL)
        self.again()  # by the hold that is left
        self.until("once", lambda t: t["state"] == "failed" and t["hold"]["end"] == "lost", "its end")
        self.assertFalse(self.alive(stray_pid))
        self.until("always", lambda t: t["state"] == "running" and t["generation"] == 2, "another hold")
        self.assertEqual(self.task("other")["hold"]["pid"], tasks["other"]["hold"]["pid"])

    def test_the_database_is_corrupted(self):
        self.call("systems.begin", system="s", manifest="/x/spore.yaml")
        self.begin("web", system="s")
        self.begin("db", after=["web ready"], wait=None)  # waits: it is in no folder
        pid = self.task("s/web")["hold"]["pid"]
        self.kill_node()
        database = os.path.join(self.state, "node.db")
        for suffix in ("", "-wal"):
            with open(database + suffix, "wb") as f:
                f.write(b"rubbish" * 1000)
        self.again()
        task = self.until("s/web", lambda t: t["state"] == "running", "what runs")
        self.assertEqual(task["hold"]["pid"], pid)
        self.assertIn("corrupt", self.call("node.status")["corrupted"])
        self.assertEqual(self.begin("web", system="s", replace="if-changed")["changed"], [])
        self.call("systems.begin", system="s", manifest="/x/spore.yaml", tasks=["web"])

    def test_the_database_is_damaged_while_it_is_used(self):
        self.begin("web")
        pid = self.task("web")["hold"]["pid"]
        for name in ("node.db", "node.db-wal", "node.db-shm"):
            os.unlink(os.path.join(self.state, name))
        self.begin("other")
        self.kill_node()
        self.again()
        self.assertEqual(self.until("web", lambda t: t["state"] == "running", "it")["hold"]["pid"], pid)
        self.assertEqual(self.begin("web", replace="if-changed")["changed"], [])

    def test_the_runtime_folder_is_removed(self):
        self.begin("web")
        pid = self.task("web")["hold"]["pid"]
        os.unlink(self.sock)
        try:
            os.rmdir(self.env["SPORE_RUNTIME"])
        except OSError:
            pass  # the node was quicker
        self.ok(self.spore("node", "status"))
        self.again()
        self.assertEqual(self.task("web")["hold"]["pid"], pid)

    def test_what_was_wanted_is_started_again_after_everything_died(self):
        self.begin("web", restart="always")
        self.begin("job", wait=None, after=["web ready"], restart="on-failure")
        self.begin("once")
        self.begin("off")
        self.call("tasks.stop", names=["off"])
        self.wait("web", "job")
        everything = [t["hold"][k] for t in self.tasks().values() for k in ("hold", "pid") if t["hold"].get("pid")]
        self.kill_node()
        for pid in everything:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until(lambda: not any(map(self.alive, everything)), "the end of it all")
        self.ok(self.spore("node", "start"))
        self.again()
        self.assertTrue(self.wait("web", "job")["reached"])
        states = {n: t["state"] for n, t in self.tasks().items()}
        self.assertEqual((states["once"], states["off"]), ("failed", "stopped"))


class OldHold(TasksTest):
    """A hold of the first version of the protocol, in another language, by another author."""

    def setUp(self):
        super().setUp()
        self.spore("node", "stop")
        self.libexec = os.path.join(self.dir, "libexec")
        os.mkdir(self.libexec)
        for name in ("spore-node", "spore-build"):
            os.symlink(os.path.join(BUILD, name), os.path.join(self.libexec, name))
        here = os.path.dirname(os.path.abspath(__file__))
        os.symlink(os.path.join(here, "hold_v1.py"), os.path.join(self.libexec, "spore-hold"))
        self.env["SPORE_LIBEXEC"] = self.libexec
        self.env["SPORE_TEST_DIR"] = here
        self.ok(self.spore("node", "start"))
        self.again()

    def test_the_node_gets_on_with_it(self):
        self.begin("web")
        pid = self.task("web")["hold"]["pid"]
        self.kill_node()
        self.ok(self.spore("node", "start"))
        self.again()
        self.assertEqual(self.until("web", lambda t: t["state"] == "running", "it")["hold"]["pid"], pid)
        self.assertEqual(self.call("tasks.restart", names=["web"])["restarted"], ["web"])
        self.begin("web", replace="always")
        self.assertEqual(self.call("tasks.stop", names=["web"])["stopped"], ["web"])
        self.assertEqual(self.call("tasks.remove", names=["web"])["removed"], ["web"])


class Logs(TasksTest):
    def test_what_is_kept_is_bounded_over_generations(self):
        """Of real holds: bytes and files, with what the latest one wrote."""
        folder = os.path.join(self.state, "logs", "_", "web")
        for i in range(8):
            self.begin("web", f"head -c 100000 /dev/zero | tr '\\0' x; echo; echo end of {i}; {SLEEP}", replace="always",
                       log__bytes=1 << 17, log__files=3)
            wait_until(lambda: f"end of {i}\n" in self.spore("logs", "-n", "3", "web").stdout, "what it writes")
            files = [os.stat(os.path.join(folder, name)).st_size for name in os.listdir(folder)]
            self.assertLessEqual(len(files), 3)
            self.assertLessEqual(sum(files), 1 << 17)


class Many(TasksTest):
    def test_many_are_started_and_stopped(self):
        count = 60
        for i in range(count):
            self.node.send(0, 1000 + i, "tasks.start", [self.spec(f"t{i}")])
        answers = [self.node.receive() for _ in range(count)]
        self.assertEqual([a[2] for a in answers], [None] * count)
        names = [f"t{i}" for i in range(count)]
        self.assertTrue(self.wait(*names)["reached"])
        self.assertEqual(len(self.call("tasks.list")["tasks"]), count)
        self.assertEqual(len(self.call("tasks.stop", names=names)["stopped"]), count)
        self.assertEqual(len(self.call("tasks.remove", names=names)["removed"]), count)
        with sqlite3.connect(os.path.join(self.state, "node.db")) as db:
            self.assertEqual(db.execute("SELECT count(*) FROM tasks").fetchone(), (0,))
            self.assertEqual(db.execute("SELECT count(*) FROM ends").fetchone(), (0,))

    def test_ten_thousand_defined(self):
        count, sent, got = 10000, 0, 0
        while got < count:
            while sent < count and sent - got < 120:
                self.node.send(0, sent + 10, "tasks.start", [self.spec(f"t{sent}", enabled=False, system=f"s{sent % 50}")])
                sent += 1
            self.assertIsNone(self.node.receive()[2])
            got += 1
        status = self.call("node.status")
        self.assertEqual(status["tasks"], count)
        self.kill_node()
        self.ok(self.spore("node", "start"))
        self.again()
        status = self.call("node.status")
        self.assertEqual(status["tasks"], count)
        if status["private_kib"] is not None and os.environ.get("SPORE_SANITIZE", "none") == "none":
            self.assertLessEqual(status["private_kib"], 8192)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""gend as a service of a real systemd: service.py BUILD-FOLDER [TEST...]

Boots one instance (instance.sh), installs the build there, and speaks TAP. Every test starts gend anew
with a tree of its own. Waits are for conditions, with one generous deadline. Root only: skips itself
where there are no namespaces. OSP-numbers as in the catalogue of scenarios.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
INSTANCE = os.path.join(HERE, "instance.sh")
DEADLINE = 60
WATCHDOG_SECONDS = 2
IDLE = ["/usr/bin/tail", "-f", "/dev/null"]


def shell(script):
    """An exec child that runs a script and then idles."""
    return ["/bin/bash", "-c", f"{script}\nexec {' '.join(IDLE)}"]


class Service:
    """The instance, with gend installed in it."""

    def __init__(self, build):
        self.folder = tempfile.mkdtemp(prefix="gend-systemd-")
        self.state = os.path.join(self.folder, "state")
        self.shared = os.path.join(self.folder, "shared")
        self.build = build
        self.is_up = False

    def boot(self):
        """Starts the instance and installs gend."""
        os.makedirs(os.path.join(self.shared, "root"))
        subprocess.run(["meson", "install", "-C", self.build, "--no-rebuild", "--quiet",
                        "--destdir", os.path.join(self.shared, "root")],
                       check=True, stdout=subprocess.DEVNULL)
        shutil.copy(os.path.join(self.build, "examples", "greeter"), self.shared)
        subprocess.run([INSTANCE, "up", self.state, "", self.shared], check=True,
                       stdout=sys.stderr)
        self.is_up = True
        self.run("cp", "-a", "/run/shared/root/.", "/")
        self.run("mkdir", "-p", "/etc/gend", "/etc/systemd/system/gend.service.d")
        self.write("/etc/systemd/system/gend.service.d/test.conf",
                   f"[Unit]\nStartLimitIntervalSec=0\n[Service]\nWatchdogSec={WATCHDOG_SECONDS}s\n")
        self.run("systemctl", "daemon-reload")

    def close(self):
        """Ends the instance."""
        if self.is_up:
            subprocess.run([INSTANCE, "down", self.state], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def try_run(self, *command):
        """Runs a command inside: (exit status, stdout, stderr)."""
        done = subprocess.run([INSTANCE, "in", self.state, *command], capture_output=True,
                              text=True, timeout=DEADLINE, check=False)
        return done.returncode, done.stdout, done.stderr

    def run(self, *command):
        """The same for one that must succeed: its stdout."""
        status, out, err = self.try_run(*command)
        assert status == 0, f"{' '.join(command)}: exit status {status}\n{out}{err}"
        return out

    def write(self, path, text):
        """Writes a file inside."""
        shared = os.path.join(self.shared, "file")
        with open(shared, "w", encoding="utf-8") as out:
            out.write(text)
        self.run("cp", "/run/shared/file", path)

    def write_tree(self, *children, **application):
        """Writes the tree file: one application `app`."""
        app = {"name": "app", "start": "permanent", "children": list(children)}
        app.update(application)
        self.write("/etc/gend/tree.json", json.dumps({"applications": [app]}))

    def start(self, *children, **application):
        """Starts gend with this tree, whatever ran before."""
        self.try_run("systemctl", "stop", "gend.socket", "gend")
        self.try_run("systemctl", "reset-failed", "gend")
        self.write_tree(*children, **application)
        self.run("systemctl", "start", "gend")

    def show(self, name):
        """A property of the service."""
        return self.run("systemctl", "show", "--value", "-p", name, "gend").strip()

    def node(self, path):
        """`genctl status`, whatever its exit status."""
        _, out, err = self.try_run("genctl", "--json", "status", path)
        assert out, err
        return json.loads(out)

    def journal(self, *match):
        """Records of the journal."""
        out = self.run("journalctl", "-b", "-o", "json", "--all", *match)
        return [json.loads(line) for line in out.splitlines()]

    def processes(self):
        """Command lines of all processes in gend's cgroup."""
        script = """for pid in $(find /sys/fs/cgroup/system.slice/gend.service -name cgroup.procs \
                                 -exec cat {} +); do
                        tr '\\0' ' ' </proc/$pid/cmdline; echo; done"""
        return self.try_run("sh", "-c", script)[1].splitlines()


def wait_until(condition, what):
    """Asks until it is so, and returns the answer."""
    nobody = threading.Event()
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        nobody.wait(0.02)
    raise AssertionError(f"not within {DEADLINE} s: {what}")


def the_service_is_up_once_its_applications_are(service):
    """systemctl start blocks until the last child said READY=1."""
    late = shell("read -rt 1 <> <(:); systemd-notify --ready")
    service.start({"name": "late", "exec": late, "ready": "notify"})
    node = service.node("late")
    assert node["is_ready"] and node["state"] == "running", node
    assert service.show("ActiveState") == "active"
    assert service.show("StatusText"), "no STATUS="


def a_faulty_tree_file_fails_the_start(service):
    """The reason is in the journal of the unit."""
    service.try_run("systemctl", "stop", "gend")
    service.write("/etc/gend/tree.json", '{"applications": [{"name": "app", "colour": 1}]}')
    status, _, _ = service.try_run("systemctl", "start", "gend")
    assert status != 0
    service.try_run("systemctl", "stop", "gend")
    assert any("colour" in str(record.get("MESSAGE")) for record in service.journal("-u", "gend"))


def a_reload_blocks_until_what_is_new_runs(service):
    """And touches nothing else."""
    late = shell("read -rt 1 <> <(:); systemd-notify --ready")
    service.start({"name": "old", "exec": IDLE})
    before = service.node("old")["pid"]
    service.write_tree({"name": "old", "exec": IDLE},
                       {"name": "late", "exec": late, "ready": "notify"})
    service.run("systemctl", "reload", "gend")
    assert service.node("late")["is_ready"]
    assert service.node("old")["pid"] == before
    assert service.show("ActiveState") == "active"


def a_reload_of_a_faulty_file_fails_and_changes_nothing(service):
    """The service stays up."""
    service.start({"name": "a", "exec": IDLE})
    before = service.node("a")["pid"]
    service.write("/etc/gend/tree.json", '{"applications": [{"name": "app", "children": 7}]}')
    status, _, _ = service.try_run("systemctl", "reload", "gend")
    assert status != 0, "reload succeeded"
    assert service.node("a")["pid"] == before
    assert service.show("ActiveState") == "active"


def a_hung_gend_is_killed_by_the_watchdog_and_nothing_runs_twice(service):
    """SIGSTOP; systemd aborts it, kills its children, starts it again."""
    service.start({"name": "a", "exec": IDLE + ["/dev/null"]})
    pid = service.show("MainPID")
    service.run("sh", "-c", f"kill -STOP {pid}")
    wait_until(lambda: service.show("MainPID") not in ("0", pid)
               and service.show("ActiveState") == "active", "a new gend")
    idle = [line for line in service.processes() if line.startswith("/usr/bin/tail")]
    assert len(idle) == 1, idle
    assert any("watchdog" in str(record.get("MESSAGE")).lower()
               for record in service.journal("UNIT=gend.service"))


def children_end_with_a_gend_that_was_killed(service):
    """kill -9; systemd starts it again, with one copy of each child."""
    service.start({"name": "a", "exec": IDLE}, {"name": "b", "exec": shell(":")})
    pid = service.show("MainPID")
    before = {service.node(name)["pid"] for name in ("a", "b")}
    service.run("sh", "-c", f"kill -KILL {pid}")
    wait_until(lambda: service.show("MainPID") not in ("0", pid)
               and service.show("ActiveState") == "active", "a new gend")
    assert not before & {service.node(name)["pid"] for name in ("a", "b")}
    idle = [line for line in service.processes() if "tail" in line]
    assert len(idle) == 2, idle


def a_socket_of_systemd_is_handed_on_to_the_child_that_wants_it(service):
    """A connection made before gend was there is answered."""
    service.try_run("systemctl", "stop", "gend")
    service.write("/etc/systemd/system/gend.socket",
                  "[Socket]\nListenStream=127.0.0.1:18090\nFileDescriptorName=greet\n")
    service.write_tree({"name": "greeter", "exec": ["/run/shared/greeter", "hello there"],
                        "ready": "notify", "watchdog": "5s",
                        "sockets": [{"name": "greet", "listen": "127.0.0.1:18090"}]})
    service.run("systemctl", "daemon-reload")
    service.run("systemctl", "start", "gend.socket")
    assert service.show("ActiveState") != "active"
    ask = """exec 3<>/dev/tcp/127.0.0.1/18090
             printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3
             cat <&3"""
    try:
        assert "hello there" in service.run("bash", "-c", ask)
        assert service.show("ActiveState") == "active"
        service.run("genctl", "restart", "greeter")
        assert "hello there" in service.run("bash", "-c", ask)
    finally:
        service.try_run("systemctl", "stop", "gend.socket", "gend")
        service.run("rm", "/etc/systemd/system/gend.socket")
        service.run("systemctl", "daemon-reload")


def a_stop_is_in_reverse_order_and_no_kill_is_needed(service):
    """Each child says when it was asked to stop."""
    def polite(name):
        return {"name": name, "exec": ["/bin/bash", "-c", f"""
            trap 'echo {name} >>/run/stopped; exit 0' TERM
            tail -f /dev/null & wait"""]}

    service.try_run("rm", "-f", "/run/stopped")
    service.start(polite("one"), polite("two"), polite("three"))
    service.run("systemctl", "stop", "gend")
    assert service.run("cat", "/run/stopped").split() == ["three", "two", "one"]
    assert service.show("Result") == "success", service.show("Result")
    assert service.show("ExecMainStatus") == "0"


def a_child_that_ignores_its_stop_signal_does_not_fail_the_stop(service):
    """gend kills it in time; systemd never has to."""
    deaf = {"name": "deaf", "exec": ["/bin/bash", "-c", "trap '' TERM\n" + " ".join(IDLE)],
            "shutdown": "300ms"}
    service.start(deaf)
    service.run("systemctl", "stop", "gend")
    assert service.show("Result") == "success", service.show("Result")
    assert not service.processes()


def what_children_write_is_in_the_journal_with_its_origin(service):
    """A line a record, with path and priority."""
    service.start({"name": "talker", "exec": shell("echo plain; echo '<3>grave' >&2")})
    lines = wait_until(lambda: {record["MESSAGE"]: record
                                for record in service.journal("GEND_PATH=app/talker")
                                if record["MESSAGE"] in ("plain", "grave")}
                       if len(service.journal("GEND_PATH=app/talker")) >= 2 else None, "two lines")
    assert lines["plain"]["PRIORITY"] == "6", lines["plain"]
    assert lines["grave"]["PRIORITY"] == "3", lines["grave"]
    assert lines["plain"]["SYSLOG_IDENTIFIER"] == "talker"
    assert lines["plain"]["_SYSTEMD_UNIT"] == "gend.service"


def every_child_has_a_cgroup_of_its_own(service):
    """Below the delegated one."""
    service.start({"name": "a", "exec": IDLE}, {"name": "b", "exec": IDLE})
    groups = [service.run("grep", "^0::", f"/proc/{service.node(name)['pid']}/cgroup").strip()
              for name in ("a", "b")]
    assert all(group.startswith("0::/system.slice/gend.service/") for group in groups), groups
    assert len(set(groups)) == 2, groups


def a_grandchild_that_left_its_session_ends_with_its_child(service):
    """Only the cgroup knows it."""
    service.start({"name": "forker", "exec": shell("setsid tail -f /dev/zero >/dev/null &")})
    wait_until(lambda: any("/dev/zero" in line for line in service.processes()), "the grandchild")
    service.run("genctl", "stop", "forker")
    assert not any("/dev/zero" in line for line in service.processes()), service.processes()


def helpers_may_die_without_a_child_noticing(service):
    """gend-supervisor and gend-log, kill -9."""
    service.start({"name": "a", "exec": IDLE})
    before, pid = service.node("a")["pid"], service.show("MainPID")
    for helper in ("gend-supervisor", "gend-log"):
        service.run("sh", "-c", f"""for pid in $(cat /proc/{pid}/task/{pid}/children); do
            [ "$(cat /proc/$pid/comm)" != {helper} ] || kill -9 $pid; done""")
        wait_until(lambda: service.try_run("genctl", "ping")[0] == 0, "an answer")
        assert service.node("a")["pid"] == before
    assert service.show("MainPID") == pid and service.show("NRestarts") == "0"


def the_end_of_a_permanent_application_is_a_failure_that_systemd_sees(service):
    """APP-010: exit status 1, and Restart=on-failure does what it says."""
    service.start({"name": "a", "exec": IDLE, "restart": "temporary", "significant": True},
                  auto_shutdown="any_significant")
    pid = service.show("MainPID")
    service.try_run("genctl", "kill", "a")
    wait_until(lambda: service.show("NRestarts") not in ("", "0"), "a restart by systemd")
    wait_until(lambda: service.show("ActiveState") == "active", "a new gend")
    assert service.show("MainPID") != pid


TESTS = [
    the_service_is_up_once_its_applications_are,
    a_faulty_tree_file_fails_the_start,
    a_reload_blocks_until_what_is_new_runs,
    a_reload_of_a_faulty_file_fails_and_changes_nothing,
    a_hung_gend_is_killed_by_the_watchdog_and_nothing_runs_twice,
    children_end_with_a_gend_that_was_killed,
    a_socket_of_systemd_is_handed_on_to_the_child_that_wants_it,
    a_stop_is_in_reverse_order_and_no_kill_is_needed,
    a_child_that_ignores_its_stop_signal_does_not_fail_the_stop,
    what_children_write_is_in_the_journal_with_its_origin,
    every_child_has_a_cgroup_of_its_own,
    a_grandchild_that_left_its_session_ends_with_its_child,
    helpers_may_die_without_a_child_noticing,
    the_end_of_a_permanent_application_is_a_failure_that_systemd_sees,
]


def run_test(service, test):
    """Whether it passed; what there is to know if not, as TAP comments."""
    try:
        test(service)
        return True
    except (AssertionError, subprocess.SubprocessError, KeyError, ValueError):
        said = traceback.format_exc()
        said += service.try_run("journalctl", "-b", "-n", "40", "-o", "short-monotonic")[1]
        print("".join(f"# {line}\n" for line in said.splitlines()), end="")
        return False


def main():
    """Speaks TAP. Exit status: 0; 1 if a test failed."""
    probe = subprocess.run([INSTANCE, "probe"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        print(f"1..0 # SKIP {probe.stderr.strip()}")
        return 0
    tests = [test for test in TESTS if len(sys.argv) == 2 or test.__name__ in sys.argv[2:]]
    print(f"1..{len(tests)}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    service, failed = Service(sys.argv[1]), 0
    try:
        service.boot()
        for number, test in enumerate(tests, 1):
            passed = run_test(service, test)
            failed += not passed
            print(f"{'ok' if passed else 'not ok'} {number} - {test.__name__}", flush=True)
    finally:
        service.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

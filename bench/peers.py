"""How each supervisor is started with N copies of one child, and stopped. Used by bench/run alone.

A peer runs with its defaults where it has any that matter (s6 and runit wait a second between starts,
systemd 100 ms): that is said in NOTES, and where a setting removes the wait, a second peer has it.
"""

import ctypes
import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import time

PR_SET_CHILD_SUBREAPER = 36
BORN = struct.Struct("=QQ")  # bench/child.c: nsec, pid

NOTES = {
    "s6": "waits 1 s between two starts of a service",
    "runit": "waits 1 s after a service that lived less than 1 s",
    "supervisord": "defaults, but startsecs=0",
    "systemd": "own instance, RestartSec=0",
    "systemd-default": "own instance, RestartSec=100ms as by default",
}


def become_subreaper():
    """Whatever a supervisor leaves behind becomes ours, to be ended and reaped."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(pid):
    """All processes below `pid`, itself excluded."""
    found, todo = [], [pid]
    while todo:
        try:
            tasks = os.listdir(f"/proc/{todo[-1]}/task")
        except OSError:
            tasks = []
        parent = todo.pop()
        for task in tasks:
            try:
                with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as children:
                    below = [int(child) for child in children.read().split()]
            except OSError:
                continue
            found += below
            todo += below
    return found


def end_descendants():
    """Kills and reaps all that is below us; there is nobody but what a peer left."""
    while True:
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while True:
                os.waitpid(-1, 0)
        except ChildProcessError:
            return


class Peer:
    """One running supervisor with its children; `fifo` is what they report to."""

    def __init__(self, tools, folder, fifo, count):
        self.tools, self.folder, self.count = tools, folder, count
        self.argv = [tools["child"], fifo]
        self.process = None
        self.init = None   # of a systemd instance, as we see it
        self.state = None  # its folder

    def command(self):
        """The command line of the supervisor, its files written to self.folder."""
        raise NotImplementedError

    def start(self):
        """Starts it; returns when, in nsec. Children die with the FIFO's reader, it with this process."""
        command = self.command()
        with open(os.path.join(self.folder, "log"), "wb") as log:
            asked = time.monotonic_ns()
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL"] + command,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        return asked

    def host_pids(self, pids):
        """Our pids for those that children gave themselves, in the same order."""
        return pids

    def own_processes(self, children):
        """The supervisor's processes, without its children."""
        below = descendants(self.process.pid)
        return [self.process.pid] + [pid for pid in below if pid not in children]

    def stop(self):
        """Ends it and everything below it, by force: what is measured is over."""
        end_descendants()
        self.process.poll()


class Minisup(Peer):
    """The floor."""

    def command(self):
        return [self.tools["minisup"], str(self.count)] + self.argv


class Gend(Peer):
    """gend; its children permanent, with a budget that the bench can't use up."""

    def command(self):
        tree = {"applications": [{
            "name": "bench", "start": "permanent", "intensity": 10000, "period": "1s",
            "children": [{"name": "child", "exec": self.argv, "instances": self.count}]}]}
        if self.count == 1:
            del tree["applications"][0]["children"][0]["instances"]
        path = os.path.join(self.folder, "tree.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump(tree, out)
        return [self.tools["gend"], "-t", path, "--runtime-dir", self.folder]


class S6(Peer):
    """s6-svscan over a scan directory; more than its default of 1,000 services are allowed."""

    def command(self):
        write_services(self.folder, self.count, self.argv)
        return ["s6-svscan", "-c", str(self.count + 10), os.path.join(self.folder, "services")]


class Runit(Peer):
    """runsvdir over a service directory."""

    def command(self):
        write_services(self.folder, self.count, self.argv)
        return ["runsvdir", os.path.join(self.folder, "services")]


class Supervisord(Peer):
    """supervisord with numprocs."""

    def command(self):
        path = os.path.join(self.folder, "supervisord.conf")
        user = "user=root\n" if os.getuid() == 0 else ""
        with open(path, "w", encoding="utf-8") as out:
            out.write(f"""[supervisord]
nodaemon=true
{user}minfds={min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])}
logfile={self.folder}/supervisord.log
pidfile={self.folder}/supervisord.pid
childlogdir={self.folder}
[program:child]
command={" ".join(self.argv)}
numprocs={self.count}
process_name=%(process_num)d
autorestart=true
startsecs=0
""")
        return ["supervisord", "-c", path]


class Systemd(Peer):
    """systemd as init of its own namespaces (tests/systemd/instance.sh); its pids are not ours."""

    restart = "0"

    def start(self):
        units = os.path.join(self.folder, "units")
        os.mkdir(units)
        with open(os.path.join(units, "bench@.service"), "w", encoding="utf-8") as out:
            out.write(f"""[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/run/shared/child /run/shared/fifo
Restart=always
RestartSec={self.restart}
""")
        with open(os.path.join(units, "bench.target"), "w", encoding="utf-8") as out:
            wants = " ".join(f"bench@{number}.service" for number in range(self.count))
            out.write(f"[Unit]\nWants={wants}\n")
        shared = os.path.dirname(self.argv[1])
        shutil.copy(self.argv[0], os.path.join(shared, "child"))
        self.state = os.path.join(self.folder, "state")
        subprocess.run([self.tools["instance"], "up", self.state, units, shared], check=True)
        with open(os.path.join(self.state, "pid"), encoding="ascii") as text:
            self.init = int(text.read())
        asked = time.monotonic_ns()
        self.process = subprocess.Popen([self.tools["instance"], "in", self.state, "systemctl",
                                         "start", "--no-block", "bench.target"],
                                        stderr=subprocess.DEVNULL)
        return asked

    def own_processes(self, children):
        del children
        return [self.init]

    def host_pids(self, pids):
        ours = {}
        for pid in descendants(self.init):
            try:
                with open(f"/proc/{pid}/status", encoding="ascii") as status:
                    inner = next(line for line in status if line.startswith("NSpid:")).split()[-1]
            except (OSError, StopIteration):
                continue
            ours[int(inner)] = pid
        return [ours[pid] for pid in pids]

    def stop(self):
        subprocess.run([self.tools["instance"], "down", self.state], check=True)
        self.process.wait()


class SystemdDefault(Systemd):
    """The same with the default RestartSec=."""

    restart = "100ms"


def write_services(folder, count, argv):
    """A scan directory for s6 and runit."""
    for number in range(count):
        service = os.path.join(folder, "services", f"child{number}")
        os.makedirs(service)
        run = os.path.join(service, "run")
        with open(run, "w", encoding="utf-8") as out:
            out.write(f"#!/bin/sh\nexec {' '.join(argv)}\n")
        os.chmod(run, 0o755)


PEERS = {"minisup": Minisup, "gend": Gend, "s6": S6, "runit": Runit, "supervisord": Supervisord,
         "systemd": Systemd, "systemd-default": SystemdDefault}
PROGRAMS = {"s6": "s6-svscan", "runit": "runsvdir", "supervisord": "supervisord"}


def missing(name, tools):
    """Why this peer can't be measured here, or None."""
    if name in PROGRAMS:
        return None if shutil.which(PROGRAMS[name]) else f"{PROGRAMS[name]} is not installed"
    if name.startswith("systemd"):
        if os.getuid() != 0:
            return "needs root for its own namespaces"
        if not os.path.exists("/lib/systemd/systemd"):
            return "systemd is not installed"
        probe = subprocess.run([tools["instance"], "probe"], capture_output=True, check=False,
                               text=True)
        return None if probe.returncode == 0 else probe.stderr.strip() or "no namespaces here"
    for tool in [name] + (["genctl"] if name == "gend" else []):
        if not os.access(tools[tool], os.X_OK):
            return f"{tools[tool]} is not built"
    return None

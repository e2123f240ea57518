"""Ranks on separate hosts: two network namespaces with a wire between them and nothing else in common but the disk."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_sharded_training import CONFIG, assert_close, fresh, measured, run

from llminit.arrays import FloatArray
from llminit.distributed.group import Group
from llminit.distributed.job import follow, train_over_ranks
from llminit.distributed.ranks import Ranks
from rank_processes import code_of, ended, started

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("ip") is None or os.geteuid() != 0,
    reason="network namespaces need Linux, the command ip and root",
)

INTERFACE = "llmwire"


@pytest.fixture
def hosts() -> Iterator[list[str]]:
    """Two namespaces, 10.213.7.1 and 10.213.7.2, as prefixes of commands that run there."""
    names = [f"llminit-{os.getpid()}-{index}" for index in range(2)]
    steps = [
        *(["netns", "add", name] for name in names),
        ["link", "add", INTERFACE, "netns", names[0], "type", "veth", "peer", "name", INTERFACE, "netns", names[1]],
    ]
    for index, name in enumerate(names):
        inside = ["-n", name]
        steps += [[*inside, "addr", "add", f"10.213.7.{index + 1}/24", "dev", INTERFACE]]
        steps += [[*inside, "link", "set", device, "up"] for device in ("lo", INTERFACE)]
    try:
        for step in steps:
            done = subprocess.run(["ip", *step], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"this machine allows no network namespaces: {done.stderr.strip()}")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def test_two_hosts_train_together(hosts: list[str], tmp_path: Path) -> None:
    """Ranks that reach one another over a network alone end where one process does."""
    import pickle

    from llminit.training import train

    code = code_of(tmp_path, run, "softmax", {}, "shared")
    # A host whose name leads to its loopback must say which interface the others reach it by.
    inside = [["ip", "netns", "exec", name, "env", f"GLOO_SOCKET_IFNAME={INTERFACE}"] for name in hosts]
    for rank, end in enumerate(ended(started(*([*prefix, *code] for prefix in inside), address="10.213.7.1"))):
        assert end.code == 0, f"rank {rank}:\n{end.stderr}"
    result = pickle.loads((tmp_path / "result-0").read_bytes())
    assert_close(result, train(fresh("softmax", {}), CONFIG, measured, seed=4))


def test_without_the_wire_they_do_not_meet(hosts: list[str], tmp_path: Path) -> None:
    """A host that cannot be reached ends both ranks with an error that says what to look at, within the timeout."""
    subprocess.run(["ip", "-n", hosts[1], "link", "set", INTERFACE, "down"], check=True)
    code = code_of(tmp_path, run, "softmax", {}, "shared", timeout=5)
    inside = [["ip", "netns", "exec", name, "env", f"GLOO_SOCKET_IFNAME={INTERFACE}"] for name in hosts]
    for end in ended(started(*([*prefix, *code] for prefix in inside), address="10.213.7.1")):
        assert end.code == 1
        assert "the ranks did not meet within 5 s" in end.stderr
        assert "MASTER_ADDR" in end.stderr


def cut_in_training(group: Group) -> None:
    """Train; before an evaluation ends, the wire goes down on rank 0's side."""
    if group.rank:
        follow(group)
        return

    def validate(users: FloatArray, items: FloatArray) -> float:
        subprocess.run(["ip", "link", "set", INTERFACE, "down"], check=True)
        return measured(users, items)

    train_over_ranks(Ranks(group, "shared"), fresh("softmax", {}), CONFIG, validate, seed=4)


def test_a_cut_wire_ends_both_hosts(hosts: list[str], tmp_path: Path) -> None:
    """Where nothing says that a host is gone, neither waits for ever: both end with an error within the timeout."""
    code = code_of(tmp_path, cut_in_training, timeout=10, silent=10)
    inside = [["ip", "netns", "exec", name, "env", f"GLOO_SOCKET_IFNAME={INTERFACE}"] for name in hosts]
    for end in ended(started(*([*prefix, *code] for prefix in inside), address="10.213.7.1"), seconds=100):
        assert end.code == 1
        assert "RanksError" in end.stderr
        assert "expected all 2 ranks until the end" in end.stderr

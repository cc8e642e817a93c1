"""`tarn init socks` and `tarn init cdc`: their demos, which start their own servers, from the first command to the last."""
import os
import pathlib
import re
import subprocess

import pytest

from harness import fetch
from harness.tarn import Tarn


@pytest.fixture
def demo(tmp_path, tarn_binary):
    """demo(name): the output of the example's demo.sh, and its folder."""
    def run(name):
        Tarn(tmp_path, tarn_binary).run("init", name)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TARN_", "PG"))}
        env["PATH"] = f"{pathlib.Path(tarn_binary).resolve().parent}:{env['PATH']}"
        env["VERSITYGW"] = str(fetch.versitygw())
        done = subprocess.run(["./demo.sh"], cwd=tmp_path / name, env=env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout, tmp_path / name

    return run


def left_behind(folder):
    """What the demo made and did not take away."""
    return sorted(p.name for p in folder.iterdir() if p.name.startswith((".services", ".databases", "state", "warehouse")))


def test_cdc_follows_a_bank_into_two_environments_on_s3(demo):
    output, folder = demo("cdc")
    assert len(re.findall(r"100 \| 100000\.00 \| 100000\.00 \| +2100", output)) == 2, output
    assert "s3://cdc-dev/lake" in output and "s3://cdc-prod/lake" in output
    assert left_behind(folder) == []


def test_socks_of_mysql_are_joined_with_orders_of_postgres_as_both_change(demo):
    output, folder = demo("socks")
    first, last = re.findall(r"awsdatacatalog\.sales\.product_orders ORDER BY product_id\n(.*?)\(12 rows\)", output, re.S)
    orders = lambda table: sum(int(row.split("|")[3]) for row in table.splitlines()[2:])
    assert (orders(first), orders(last)) == (5000, 5500)
    holy = lambda table: next(row.split("|")[2].strip() for row in table.splitlines() if "Holy" in row)
    assert (holy(first), holy(last)) == ("99.99", "89.99")
    assert "Never ordered" in last and "à rayures" in last
    assert left_behind(folder) == []


def test_init_tells_what_to_do_next(project):
    shown = project.run("init", "cdc").stdout
    for command in ("cd cdc", "./services.sh start", "tarn apply -y --env dev"):
        assert command in shown
    assert "./databases.sh start" in project.run("init", "socks").stdout
    listed = project.run("init").stdout
    assert "cdc" in listed and "socks" in listed

"""The notebook of the example runs from its first cell to its last."""
import os
import subprocess

from harness.tarn import Tarn


def test_the_notebook_of_the_example(tmp_path, tarn_binary):
    import nbclient
    import nbformat
    Tarn(tmp_path, tarn_binary).run("init", "pagila")
    folder = tmp_path / "pagila"
    subprocess.run(["./database.sh", "start"], cwd=folder, check=True, timeout=120)
    try:
        url = subprocess.run(["./database.sh", "url"], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
        Tarn(folder, tarn_binary, {"PAGILA_URL": url}).apply()
        notebook = nbformat.read(folder / "pagila.ipynb", as_version=4)
        nbformat.validate(notebook)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PG"))}
        env |= {"PAGILA_URL": url, "TARN": str(tarn_binary), "IPYTHONDIR": str(tmp_path / "ipython"), "MPLCONFIGDIR": str(tmp_path / "matplotlib")}
        client = nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
        client.execute(env=env)
    finally:
        subprocess.run(["./database.sh", "stop"], cwd=folder, timeout=60)
    outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    assert any("image/png" in o.get("data", {}) for o in outputs), "the plot is drawn"
    assert any("2 rows, the same for" in o.get("text", "") for o in outputs), "the last cell compared the readers"
    assert not [o["text"] for o in outputs if o.get("name") == "stderr"], "nothing warns"

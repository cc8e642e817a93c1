"""The notebook of the example runs from its first cell to its last."""
from .example import initialised


def test_the_notebook_of_the_example(tmp_path, tarn_binary):
    import nbclient
    import nbformat
    with initialised(tmp_path, tarn_binary) as tarn:
        tarn.apply()
        notebook = nbformat.read(tarn.directory / "pagila.ipynb", as_version=4)
        nbformat.validate(notebook)
        assert not any(cell.get("outputs") for cell in notebook.cells), "it is stored without results"
        env = tarn.env | {"TARN": str(tarn_binary), "IPYTHONDIR": str(tmp_path / "ipython"), "MPLCONFIGDIR": str(tmp_path / "matplotlib")}
        nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tarn.directory)}}).execute(env=env)
    outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    assert any("image/png" in o.get("data", {}) for o in outputs), "the plot is drawn"
    assert any("2 rows, the same for" in o.get("text", "") for o in outputs), "the last cell compared the readers"
    assert not [o["text"] for o in outputs if o.get("name") == "stderr"], "nothing warns"

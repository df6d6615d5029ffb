"""Runs a notebook from top to bottom and prints what its last cell printed.

    python run_notebook.py <file.ipynb>
"""
import sys

import nbclient
import nbformat

book = nbformat.read(sys.argv[1], as_version=4)
for cell in book.cells:
    assert not cell.get("outputs"), "a notebook is kept without its outputs"
nbclient.NotebookClient(book, timeout=240, kernel_name="python3").execute()
print("".join(output.get("text", "") for output in book.cells[-1].outputs))

"""Small programs to start from: `python -m prepack_lab.examples.NAME`."""

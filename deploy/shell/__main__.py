"""Writes what shells and man(1) say about the command, from its flags; run by `make manifests`."""

from deploy.shell.generate import FOLDER, files

for name, text in files().items():
    (FOLDER / name).write_text(text)

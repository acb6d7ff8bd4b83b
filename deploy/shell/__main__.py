"""Writes what shells and man(1) say of the command: made of its flags by `make manifests`."""

from deploy.shell.generate import FOLDER, files

for name, text in files().items():
    (FOLDER / name).write_text(text)

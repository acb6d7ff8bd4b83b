"""Writes the Helm chart; run by `make manifests`."""

import shutil

from deploy.helm.chart import FOLDER, files

shutil.rmtree(FOLDER, ignore_errors=True)
for name, text in files().items():
    path = FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

"""RecBole: its own LightGCN trains from the embeddings, in an environment that has RecBole 1.2.1.

For initial embeddings, as in the paper: `llminit fit --backbone mf --epochs 0 ... --out model`.
"""

import os
import subprocess

from llminit.export import export

export("model", to="recbole", out="exported/recbole", overwrite=True)
python = os.environ.get("RECBOLE_PYTHON", "python")
subprocess.run([python, "exported/recbole/start_lightgcn.py", "--epochs=3"], check=True)

"""numpy: two arrays, and two of ids; none needs pickle."""

import numpy as np

from llminit.export import export

export("model", to="npy", out="exported/npy", overwrite=True)
users, items = (np.load(f"exported/npy/{name}.npy") for name in ("users", "items"))
user_ids, item_ids = (np.load(f"exported/npy/{name}_ids.npy") for name in ("users", "items"))
best = (-(items @ users[0])).argsort()[:10]
print(user_ids[0], item_ids[best].tolist())

"""LanceDB: the metric belongs to the search, and must be the dot product."""

import lancedb

from llminit.export import export

export("model", to="lancedb", out="exported/lancedb", overwrite=True)
database = lancedb.connect("exported/lancedb")
user = database.open_table("users").search().limit(1).to_list()[0]
search = database.open_table("items").search(user["embedding"], vector_column_name="embedding").distance_type("dot")
print(user["user_id"], [row["item_id"] for row in search.limit(10).to_list()])

"""pgvector: recommendations by one SQL query, without what the user has. DATABASE is postgresql://USER:PASSWORD@HOST/NAME."""

import os

import psycopg

from llminit.export import export

QUERY = """SELECT u.user_id, array(SELECT i.item_id FROM llminit_items i
    WHERE NOT EXISTS (SELECT FROM llminit_seen s WHERE s.user_id = u.user_id AND s.item_id = i.item_id)
    ORDER BY i.embedding <#> u.embedding LIMIT 10) FROM llminit_users u ORDER BY u.user_id LIMIT 1"""

export("model", to="pgvector", out=os.environ["DATABASE"], overwrite=True)
with psycopg.connect(os.environ["DATABASE"]) as connection:
    print(*connection.execute(QUERY).fetchone())

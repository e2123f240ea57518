"""A saved recommender over HTTP: `llminit serve`, or an application for a server of your own.

app = llminit.serving.create_app("model")
"""

from llminit.serving.app import create_app
from llminit.serving.process import serve
from llminit.serving.settings import ServeSettings

__all__ = ["ServeSettings", "create_app", "serve"]

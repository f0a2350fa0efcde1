"""Runs in a browser: a small web server over any store; needs the extra `ui`."""

"""Imitates the platforms over HTTP: for development, demonstrations and tests.

Written from the platforms' own documentation, never from our clients, which use it over HTTP only.
Each platform is a package (facebook/, twitter/), listed in register.py. They share state.py
(accounts, tokens, media, posts), http.py (requests and responses), oauth.py and tokens.py (login),
faults.py (failures on request), control.py (the API for tests) and feed.py (pages for people).
"""

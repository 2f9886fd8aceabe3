"""The platforms, imitated over HTTP: for development, demonstrations and tests.

Written from the platforms' own pages, never from our clients: the two meet over HTTP alone. One
module per platform (twitter.py, facebook.py), listed in register.py; what they share is in
state.py (what is true), oauth.py (the consent page), faults.py (misbehaviour on request),
control.py (how tests steer it) and feed.py (what a person looks at).
"""

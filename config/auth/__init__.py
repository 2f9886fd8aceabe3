"""Authentication of API callers by bearer tokens (JWT).

errors.py: what can fail. keys.py: keys and their algorithms. jwks.py: the issuer's published keys.
tokens.py: verification. authentication.py: the DRF class. dev_tokens.py: tokens for development.
"""

"""Authentication of API callers by bearer tokens: JWTs, and opaque tokens by introspection.

errors.py: what can fail. keys.py: keys and their algorithms. jwks.py: the issuer's published keys.
claims.py: the checks of the claims of a token. tokens.py: verification. introspection.py: opaque
tokens. fetching.py: requests to the authentication service. authentication.py: the DRF class.
checks.py: system checks. dev_tokens.py: tokens for development.
"""

"""How the sandbox shows that an option of a post took effect, for each platform of the register.

A module for each platform. SHOWN: for each option, a function that checks the post, as the
sandbox's /control/posts lists it, and the connection. CASES, for options that the first kind of
post does not show: (post type, form), and the other options that are needed. VALUES, for options
whose example names something that must exist first: a function of the sandbox and the connection
that makes the value. alt_texts(post), if the platform stores them elsewhere than with each asset.
loses_text(kind, form), if the platform drops the text of some posts.
"""

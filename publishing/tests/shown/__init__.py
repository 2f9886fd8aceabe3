"""How a reader of each platform sees that an option of a post was honoured.

A module for each platform of the register. SHOWN: for each option a function of the post, as the
sandbox's /control/posts lists it, and of the connection. CASES, where the first kind of post that
takes the option will not do: (post type, form), and other options that it needs. VALUES, where the
option's example names what has to exist first: a function of the sandbox and the connection.
alt_texts(post), where a platform keeps them elsewhere than with each asset.
"""

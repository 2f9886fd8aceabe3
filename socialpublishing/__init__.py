"""The social platforms and the base of all apps. Imports none of the apps."""

"""What a due job does next, and what becomes of how it went.

`decide` picks a job's next step, `execute` does its HTTP in a thread, `settle` turns the result
into a move. They change nothing themselves: a worker (publishing/worker) stores the moves that they
return. They ask no database, read no settings and get their source of chance passed in. The
modules build on each other in this order: values, outcomes, in_doubt, retry, decide, settle.
"""

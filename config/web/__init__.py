"""The web process: Django behind uvicorn. A thread is for a request that has arrived.

protocol.py reads requests and limits their time and size. application.py gives each whole request
to a thread and sends the response without one. pools.py has the threads, some of them apart for
requests that wait for other servers. environ.py translates a request for Django, proxies included.
refusals.py has the responses to what Django never sees. throttles.py limits what reaches a view.
"""

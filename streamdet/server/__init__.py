"""The HTTP side of a run: API, previews, metrics and the web page; `streamdet serve` starts it.

It reads what every other program can read: the run's status, its public streams, the frames of
stages/preview.py. `access` says who may do what, `app` joins the routes, `page/` is the web page.
"""

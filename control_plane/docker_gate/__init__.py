"""The one program that may talk to the Docker engine.

Whoever reaches the engine's socket is root on the host. So only this package's process holds it,
and offers the daemon and the webserver the few calls that they need, on a Unix socket for each,
for the containers of this project's runs alone. What a run's container is made of is not taken
from the request: it is built here, from `Policy`, and a request that asks for anything else is
refused.

A request's way through the modules: `http_request` (bytes to method, path, query, body; strict),
`calls` (which of the few calls it is, and whether this caller may make it), `run_container` (the
create request, rebuilt), `gate` (is it our container? forward, and answer no more than is needed),
`engine` (the one connection to the real socket). `server` listens, `health` looks whether it does.
"""

"""Requests of the tests themselves to servers on this machine, such as for the sandbox's books."""

import httpx2

#: A client without certificates, which would take a tenth of a second to load for each test.
HTTP = httpx2.Client(verify=False, trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))

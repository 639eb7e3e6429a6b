"""The HTTP layer of the sandbox: routes, bodies, rate limit, faults and callbacks."""

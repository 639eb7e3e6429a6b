"""The HTTP face of the sandbox: routes, bodies, limits, faults, callbacks."""

"""The door for scripts, notebooks and orchestrators: plans, runs and outcomes; prints nothing and never prompts.

All of it is imported from `bulk_topup`.
"""

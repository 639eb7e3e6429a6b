"""What scripts, notebooks and orchestrators call: plans, runs, and looks at the ledger; prints nothing, asks nobody.

`bulk_topup` itself gives all of it.
"""

"""A campaign in a notebook, with cells for Jupyter, VS Code and PyCharm.

It works while the event loop of the notebook is running. "Interrupt kernel" stops a run safely; running its cell again
resumes it.
"""

# %%
import polars as pl

from bulk_topup import Job, Ledger, plan_list, run_job

campaign = Job(name="campaign", run_key="spring", list="sample_files/rewards.csv", product=6418)

# %%
plan = plan_list(campaign)
print(plan.rows, plan.accepted, plan.refused, plan.costs)
plan.refusals_frame()

# %%
result = run_job(campaign)
print(result.exit_code.name, result.charged)

# %%
rows = Ledger().frame(result.run)
rows.group_by("result_state").agg(pl.len(), pl.col("result_price").sum()).sort("result_state")

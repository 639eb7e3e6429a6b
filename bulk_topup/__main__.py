"""The command line as `python -m bulk_topup`."""

from bulk_topup.cli import main

main(prog_name="bulk-topup")

"""What a command prints while it waits for DVS."""

from typing import Any

import pytest

from bulk_topup.cli.notices import MAX_NAMED, client_rate, show_notices
from bulk_topup.dvs import AsyncDVS, NoResponseError, RetryPolicy
from bulk_topup.dvs.unreadable import UnreadableEntry


def test_a_wait_is_printed_with_its_end_and_entries_are_named_up_to_a_number(
    clock: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    dvs = AsyncDVS("http://127.0.0.1:9/v1", "key", "secret-1234", clock=clock)
    show_notices(dvs, clock)
    dvs.waits.start(90)
    for number in range(MAX_NAMED + 5):
        entry = UnreadableEntry(path="/balances", id=number, external_id=None, problem="unit: Field required")
        dvs._report_unreadable(entry)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0] == (
        "DVS throttles this account (HTTP 429): waiting 90 s, until 00:18:10 UTC. Ctrl-C ends the command."
    )
    assert lines[1] == "Warning: An entry of /balances can't be read (ID 0): unit: Field required. It is skipped."
    assert lines[-1] == "Warning: more entries can't be read, and are skipped; --json names them."
    assert len(lines) == 1 + MAX_NAMED + 1


@pytest.mark.anyio
async def test_only_a_provider_that_has_answered_states_no_rate_limit(
    sandbox: Any, credentials: tuple[str, str]
) -> None:
    async with AsyncDVS(sandbox.base_url, *credentials) as dvs:
        assert "has not responded yet" in client_rate(dvs)
        assert "states no rate limit" not in client_rate(dvs)
        await dvs.balances.list().page()
        assert "it states no rate limit" in client_rate(dvs)
        assert "has not responded" not in client_rate(dvs)
    async with AsyncDVS("http://127.0.0.1:9/v1", *credentials, retries=RetryPolicy(tries=1)) as dvs:
        with pytest.raises(NoResponseError):
            await dvs.balances.list().page()
        assert "has not responded yet" in client_rate(dvs)

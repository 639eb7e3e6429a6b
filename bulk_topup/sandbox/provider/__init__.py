"""The provider behind the API: money, time and transactions; knows nothing of HTTP."""

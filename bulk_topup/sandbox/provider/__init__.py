"""The provider behind the API: wallets, transactions and books; knows nothing of HTTP."""

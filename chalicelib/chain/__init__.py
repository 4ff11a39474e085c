"""The EVM, out: RPC client, error classification, fees, signers, contracts. The one room with Ethereum's libraries."""

"""The EVM, out: RPC client, error classification, fees, signers. The one room that imports web3, and only in `endpoint`."""

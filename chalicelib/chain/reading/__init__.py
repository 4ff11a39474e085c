"""Reading the chain: blocks, receipts, nonces, fees and gas estimates, as the domain asks for them."""

"""The Jobs API: EVM transactions as asynchronous jobs. The layout and its arrows are in the README's design section."""

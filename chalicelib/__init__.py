"""The Jobs API: EVM transactions as asynchronous jobs. README.md maps the folders and their imports."""

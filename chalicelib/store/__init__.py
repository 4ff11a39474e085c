"""Adapters of DynamoDB and Secrets Manager. A row is the truth, and every change of it is one conditional write."""

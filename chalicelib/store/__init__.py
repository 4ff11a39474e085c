"""DynamoDB out: the jobs and accounts tables. The row is the truth; every change is one conditional write."""

"""The accounts resource: signing accounts, for administrators."""

"""Who is calling: JWT → Principal."""

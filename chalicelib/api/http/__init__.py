"""HTTP plumbing: what every route shares, whatever its resource."""

"""HTTP in: routes by resource, request and response models, and the one map from errors to responses."""

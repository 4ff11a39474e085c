"""Events in: the steps of the design's section 3, each a function that is given its ports."""

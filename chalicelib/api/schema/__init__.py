"""Types of fields, and models, that the requests and replies of several resources share."""

"""Making and checking what is deployed: the zip, and the template with its alarms and its dashboard."""

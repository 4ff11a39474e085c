"""What is deployed, made and checked: the zip, the template with its alarms and dashboard, and the rules they are held to."""

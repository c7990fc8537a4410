"""The staff's dashboard, and the staff's page of one stream."""

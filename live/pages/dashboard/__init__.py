"""The staff's dashboard, and the page of one stream."""

"""The staff's pages of the connection log."""

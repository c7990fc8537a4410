"""The steps of the connection log's tables, as Django makes them."""

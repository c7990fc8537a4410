"""The steps of the tables of what is read aloud, as Django makes them."""

"""The steps of the accounts' tables, as Django makes them."""

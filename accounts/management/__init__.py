"""Commands of `manage.py` about accounts, as Django finds them."""

"""What clients meet before anything of the application works for them: limits of size, number and
time, for each address.

Each limit is told to the client where the protocol allows it, and is over after a while.
"""

"""What clients rely on: frames, cursors, errors and close codes, options, addresses, pings.

May import nothing of `live` but this package.
"""

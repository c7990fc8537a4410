"""What the relay reads from others, given spoilt: `python -m fuzz [targets…] [--inputs N]`.

A target makes inputs from a generator of random numbers and gives each to the code that reads them
in earnest. What that code documents (an error, a text that is refused) is counted; all else is a
finding: another exception, a result that breaks a promise, an input that takes too long, memory
that is not given back. Each input is made from the seed and its own number, so a finding can be had
again alone.
"""

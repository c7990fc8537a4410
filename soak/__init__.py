"""Load with faults, for as long as one likes: `make soak`, or `python -m soak [--minutes N]`.

A stand-in for TikTok sends numbered comments on many LIVEs to one relay, and many phones of four
kinds follow them: those that keep up, slow ones, those that come and go, and those that read
nothing. Meanwhile connections to TikTok are cut, LIVEs end and begin, the sign server refuses,
broken messages come, TikTok repeats itself, and the relay is restarted once. Each phone's sequence
is held against what was sent: in order, nothing twice, and nothing missing that no `gap` announced.
Memory and open files of the relay are told as they are in the middle and at the end.

Servers, stand-in and phones are processes of their own, as in `bench`, whose helpers are used.
"""

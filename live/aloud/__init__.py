"""What is read aloud of a LIVE, and with which voice and sounds.

May import `live.protocol`. The voices are the browser's; the pages are in `live.pages`.
"""

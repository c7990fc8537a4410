"""The test endpoint, `/ws/test`: an app's developer gets a LIVE without there being one.

Its sockets are served by the code that serves real ones. Only the upstream is another: it plays a
generated LIVE, a recording or a failure. `live/` does not know of this package; the server loads it
where `RELAY_TEST_ENDPOINT` is on. docs/app/rehearsal.md is for those who use it.
"""

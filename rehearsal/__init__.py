"""The test endpoint, `/ws/test`: developers can test an app there without a real LIVE.

Its sockets are served by the same code as real ones. Only the upstream is different: it plays a
generated LIVE, a recording or a failure. `live/` does not import this package; the server loads it
if `RELAY_TEST_ENDPOINT` is on. docs/app/rehearsal.md describes the endpoint for its users.
"""

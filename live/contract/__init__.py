"""What is published of the protocol: JSON Schemas, the AsyncAPI document, examples.

May import `live.protocol`.
"""

"""The published contract, made from `live.protocol`: JSON Schemas, AsyncAPI document, examples.

May import `live.protocol`.
"""

"""Recordings: writes the messages of a LIVE to a file, and reads them again.

Names and other personal data can be replaced while recording. This package may import
`live.tiktok`, and what that package may import.
"""

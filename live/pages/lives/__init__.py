"""The pages of LIVEs that were heard: the list, one LIVE with its exports, and its recap."""

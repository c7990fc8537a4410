"""The pages on which an account keeps its webhooks."""

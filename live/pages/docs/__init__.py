"""The documentation's pages: guides, the contract's reference, REST, a place to try it, search."""

"""The staff's dashboard and the page of one stream. What they show comes from `live.newsroom`."""

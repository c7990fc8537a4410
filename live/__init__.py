"""The relay: from a streamer's TikTok LIVE to the apps that listen to it.

Each package says in its first lines what it is for and what it may import. From the lowest layer:
`protocol`, `tiktok`, `streams` and `recordings`, `connections`, `relay`, then `sockets`, `api` and
`pages`, and `server` on top; `contract` stands beside them. `clock` and `tasks` serve all of them.
"""

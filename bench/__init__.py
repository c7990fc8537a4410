"""The figures of docs/operate/benchmarks.md: `make bench`, or `python -m bench [names…] [--quick]`.

Each benchmark is a module whose `run` returns rows of the table. Servers, stand-in and clients are
processes of their own (`bench.processes`); all talk over the loopback interface only. Cost is the
CPU time of the server's process per unit of work, since wall time depends on what else the machine
does. Where a row has a reference, it is measured in the same run.
"""

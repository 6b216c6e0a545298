"""The local stack: real servers and Signalpost's own processes on one machine, without containers.

One implementation for `make run`, `make demo`, the tests, the benchmarks and the fault tests. Nothing in `services`
or `shared` may import it.
"""

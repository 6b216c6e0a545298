"""`make demo`: the whole system does its whole job once, and tells what it did."""

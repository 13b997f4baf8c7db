"""Answers with the authors' TLSH: for a line `hash PATH` the hash, for `diff HASH HASH` the distance."""

import sys

import tlsh


def hash_file(path):
    state = tlsh.Tlsh()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            state.update(block)
    try:
        state.final()
    except ValueError:  # too short
        return ""
    return state.hexdigest() if state.is_valid else ""


for line in sys.stdin:
    verb, _, rest = line.rstrip("\n").partition(" ")
    if verb == "hash":
        print(hash_file(rest))
    elif verb == "diff":
        print(tlsh.diff(*rest.split(" ")))
    else:
        sys.exit(f"no such verb: {verb}")

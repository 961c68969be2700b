"""Native checks of the states in which programs bring params, groups and optimizers.

closures.py     closures that raise, that step another optimizer; what they return
dicts.py        dicts that define groups: given, labelled, with names
distributed.py  torch.distributed.checkpoint in one process
gradients.py    gradients with a graph, shared, lazily negated, of another dtype
groups.py       groups without params, emptied ones, and params that are replaced
host.py         settings and generators of the process, which no call may change
leaves.py       params that are frozen, lazy, moved, retyped, or in a set
modes.py        no_grad, autocast, inference_mode, a default device
nested.py       steps inside steps, inside backward, and in several threads
numbers.py      the types of numbers that options have
process.py      settings of the process: read, altered, put back
saves.py        saves at odd moments, counters of every kind, groups added to copies
scaling.py      GradScaler beyond its plain use
schedules.py    every scheduler of torch
settings.py     settings of the host that must not matter
sharing.py      closures, buffers and options that programs share

Rule.  A state that the port refuses before any change is left out, unless the document
       or torch promises it.
"""

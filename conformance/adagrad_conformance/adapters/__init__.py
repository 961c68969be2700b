"""Adapters: one small file per port, imported only when the port is run.

To add one, write a subclass of `base.Adapter` (`arrays.ArrayAdapter` for what maps
arrays to arrays; for a torch optimizer, an instance of `torch_optim.TorchAdapter`) and
give it a row in `registry`.

base.py, arrays.py, torch_optim.py   what an adapter is made from
registry.py          every registered port, and where it runs
unavailable.py       implementations that could not be run, and why
environment_table.py environments of their own for ports that bring a framework
environments.py      how an environment is named and built: building.py, debian.py
pinning.py, pins/    the exact version of every package in an environment
bases/               shared by several adapters
published/           adapters of published packages
own/                 the suite's own ports
native/              host code for what torch alone has; runs in the port's process

The only package that imports frameworks.  May import the reference's language
(scenarios, formats, options), never its mathematics.
"""

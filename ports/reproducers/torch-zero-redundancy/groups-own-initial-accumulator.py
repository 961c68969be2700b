# A group's initial_accumulator_value is honoured.
# Port: torch/zero-redundancy 2.13.0+cpu
# Formula: sum = initial_accumulator_value before the first step
# Expected: 0.5; seen: 0.0
from adagrad_conformance.by_hand import Group, New, load_adapter, tensor
port = load_adapter('torch/zero-redundancy'); port.begin({'p': tensor('binary32', [1.0])})
port.perform(New('A', (Group(('p',), {'initial_accumulator_value': 0.5}),), {'lr': 1.0, 'eps': 0.5}))
seen = port.read('A')['p'].state_sum.values()[0]
assert seen == 0.5, f"p[0] S = {seen}, due 0.5"

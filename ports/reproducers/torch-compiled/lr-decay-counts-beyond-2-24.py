# t goes on counting past 2^24.
# Port: torch/compiled 2.13.0+cpu
# Expected: 16777217; seen: 16777216
from adagrad_conformance.by_hand import Group, New, SetState, Step, load_adapter, tensor
port = load_adapter('torch/compiled'); port.begin({'p': tensor('binary64', [1.0])})
port.perform(New('A', (Group(('p',)),), {'lr': 1.0, 'eps': 0.5}))
port.perform(SetState('A', 'p', tensor('binary64', [2.0]), 16777216))
port.perform(Step('A', {'p': tensor('binary64', [2.0])}))
seen = port.read('A')['p'].t
assert seen == 16777217, f"p counter = {seen}, due 16777217"

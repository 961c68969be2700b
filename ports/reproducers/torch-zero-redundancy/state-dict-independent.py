# After loading one optimizer's own dict, the two do not share state.
# Port: torch/zero-redundancy 2.13.0+cpu
# Expected: 0; seen: 1
from adagrad_conformance.by_hand import Group, Load, New, Save, Step, load_adapter, tensor
port = load_adapter('torch/zero-redundancy'); port.begin({'p': tensor('binary32', [1.0])})
port.perform(New('A', (Group(('p',)),), {'lr': 1.0, 'eps': 0.5}))
port.perform(Save('A', 'live'))
port.perform(New('B', (Group(('p',)),), {'lr': 1.0, 'eps': 0.5}))
port.perform(Load('B', 'live', 'same-object'))
port.perform(Step('B', {'p': tensor('binary32', [2.0])}))
seen = port.read('A')['p'].t
assert seen == 0, f"p counter = {seen}, due 0"

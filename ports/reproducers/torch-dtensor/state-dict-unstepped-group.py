from adagrad_conformance.by_hand import AddGroup, Group, Load, New, Save, Step, load_adapter, tensor
port = load_adapter('torch/dtensor'); port.begin({'p': tensor('binary32', [1.0]), 'r': tensor('binary32', [1.0])})
port.perform(New('A', (Group(('p',)),), {'lr': 1.0, 'eps': 0.5, 'initial_accumulator_value': 0.5}))
port.perform(AddGroup('A', Group(('r',), {'lr': 1.0})))
port.perform(Save('A', 'checkpoint'))
port.perform(New('B', (Group(('p',)), Group(('r',)),), {'lr': 1.0, 'eps': 0.5}))
port.perform(Load('B', 'checkpoint', 'bytes'))
port.perform(Step('B', {'p': tensor('binary32', [2.0]), 'r': tensor('binary32', [2.0])}))
seen = port.read('B')['r'].state_sum.values()[0]
assert seen == 4.5, f"r[0] S = {seen}, due 4.5"

from adagrad_conformance.by_hand import Group, New, SetState, Step, load_adapter, tensor
port = load_adapter('torch/compiled'); port.begin({'p': tensor('binary64', [1.0])})
port.perform(New('A', (Group(('p',)),), {'lr': 1.0, 'eps': 0.5, 'lr_decay': 0.5, 'initial_accumulator_value': 0.5}))
port.perform(SetState('A', 'p', tensor('binary64', [2.0]), 1))
port.perform(Step('A', {'p': tensor('binary64', [2.0])}))
seen = port.read('A')['p'].theta.values()[0]
assert 0.5479444074705673 <= seen <= 0.5479444074705675, f"p[0] = {seen}, due 0.5479444074705673 .. 0.5479444074705675"

from adagrad_conformance.by_hand import Group, New, Step, load_adapter, tensor
port = load_adapter('torch/compiled'); port.begin({'p': tensor('binary64', [7e-309])})
port.perform(New('A', (Group(('p',)),), {'lr': 2e-308, 'eps': 0.5}))
port.perform(Step('A', {'p': tensor('binary64', [2.0])}))
seen = port.read('A')['p'].theta.values()[0]
assert seen == -9e-309, f"p[0] = {seen}, due -9e-309"

from adagrad_conformance.by_hand import Group, New, Step, load_adapter, tensor
port = load_adapter('torch/compiled'); port.begin({'p': tensor('binary64', [1.0])})
port.perform(New('A', (Group(('p',)),), {'lr': 0.7, 'eps': 0.0}))
port.perform(Step('A', {'p': tensor('binary64', [2.0])}))
seen = port.read('A')['p'].theta.values()[0]
assert seen == 0.30000000000000004, f"p[0] = {seen}, due 0.30000000000000004"

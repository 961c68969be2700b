from adagrad_conformance.by_hand import Group, New, Step, load_adapter, tensor
port = load_adapter('torch/compiled'); port.begin({'p': tensor('binary64', [1.0])})
port.perform(New('A', (Group(('p',)),), {'lr_decay': 0.5, 'lr': 0.7, 'eps': 0.5}))
port.perform(Step('A', {'p': tensor('binary64', [2.0])}))
seen = port.read('A')['p'].theta.values()[0]
assert 0.44 <= seen <= 0.44000000000000006, f"p[0] = {seen}, due 0.44 .. 0.44000000000000006"

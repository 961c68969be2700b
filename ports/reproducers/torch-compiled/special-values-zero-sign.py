from adagrad_conformance.by_hand import Group, New, Step, load_adapter, tensor
port = load_adapter('torch/compiled'); port.begin({'p': tensor('binary64', [1.0])})
port.perform(New('A', (Group(('p',)),), {'lr': 0.7, 'weight_decay': 0.5, 'eps': 0.5}))
port.perform(Step('A', {'p': tensor('binary64', [-0.0])}))
seen = port.read('A')['p'].theta.values()[0]
assert seen == 0.65, f"p[0] = {seen}, due 0.65"

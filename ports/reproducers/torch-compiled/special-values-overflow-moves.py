from adagrad_conformance.by_hand import Group, New, Step, load_adapter, tensor
port = load_adapter('torch/compiled'); port.begin({'p': tensor('binary32', [1.0])})
port.perform(New('A', (Group(('p',)),), {'lr': 1.0, 'eps': 0.5}))
port.perform(Step('A', {'p': tensor('binary32', [3.000000104103097e+19])}))
seen = port.read('A')['p'].theta.values()[0]
assert seen != 1.0, f"p[0] = {seen}, due another number"
